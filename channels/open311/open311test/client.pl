use strict;
use warnings;

# Speaks to a GeoReport v2 server as FixMyStreet does: posts that LWP encodes, in the order that a
# hash happens to have, and answers in XML that XML::Simple reads. What it read back goes to
# standard output.
use HTTP::Request::Common qw(GET POST);
use JSON::PP ();
use LWP::UserAgent;
use Time::HiRes qw(sleep time);
use URI;
use XML::Simple ();

my %env = map { $_ => $ENV{"O311_$_"} // '' }
    qw(URL KEY JURISDICTION SERVICE ATTRIBUTE VALUE DESCRIPTION ADDRESS LAT LONG PHONE EMAIL);
my $agent = LWP::UserAgent->new( timeout => 30 );
my %town = $env{JURISDICTION} ne '' ? ( jurisdiction_id => $env{JURISDICTION} ) : ();

sub parsed {
    my ($answer) = @_;
    die $answer->status_line . "\n" . $answer->content unless $answer->content_type eq 'text/xml';
    return XML::Simple->new->XMLin( $answer->content );
}

sub fetch {
    my ( $path, %arguments ) = @_;
    my $uri = URI->new("$env{URL}/$path");
    $uri->query_form( %arguments, %town );
    my $answer = $agent->request( GET $uri->as_string );
    die "GET $path: " . $answer->status_line . "\n" . $answer->content unless $answer->is_success;
    return parsed($answer);
}

my $services = fetch('services.xml')->{service};
$services = [$services] if ref $services eq 'HASH';
my ($service) = grep { $_->{service_code} eq $env{SERVICE} } @$services;
die "no service $env{SERVICE}" unless $service && $service->{service_name};
my $definition = fetch("services/$env{SERVICE}.xml");
die "definition of $definition->{service_code}" unless $definition->{service_code} eq $env{SERVICE};

sub report {
    my ( $mark, $how, $key, @more ) = @_;
    my %fields = (
        api_key      => $key,
        lat          => $env{LAT},
        long         => $env{LONG},
        address_string => $env{ADDRESS},
        email        => $env{EMAIL},
        phone        => $env{PHONE},
        description  => "$env{DESCRIPTION} ($mark).\n$env{PHONE}, $env{EMAIL}",
        service_code => $env{SERVICE},
        first_name   => 'Jeanne',
        last_name    => 'Martin',
        device_id    => "perl-$mark-" . time(),
        %town,
    );
    $fields{"attribute[$env{ATTRIBUTE}]"} = $env{VALUE} if $env{ATTRIBUTE} ne '';
    my @content = ( %fields, @more );
    return $agent->request( POST "$env{URL}/requests.xml", Content_Type => $how, Content => \@content );
}

# What FixMyStreet takes for the outcome: a number when there is one, or else a token to ask with.
sub number {
    my ($answer) = @_;
    die 'POST: ' . $answer->status_line . "\n" . $answer->content unless $answer->is_success;
    my $request = parsed($answer)->{request};
    return $request->{service_request_id} if $request->{service_request_id} && !ref $request->{service_request_id};
    my $token = $request->{token} or die "neither number nor token: " . $answer->content;
    for ( my $end = time() + 60; time() < $end; sleep 0.1 ) {
        my $seen = fetch("tokens/$token.xml")->{request};
        # An element that is there and empty would be a reference to an empty hash, and true.
        die 'an empty service_request_id' if ref $seen->{service_request_id};
        return $seen->{service_request_id} if $seen->{service_request_id};
    }
    die 'no service_request_id within a minute';
}

my $form      = 'application/x-www-form-urlencoded';
my $multipart = 'multipart/form-data';
my $picture   = "\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xd9";
my @media = map { [ undef, "photo$_.jpg", 'Content-Type' => 'image/jpeg', Content => $picture . $_ ] } 1, 2;
my @ids = (
    number( report( 'form', $form, $env{KEY} ) ),
    number( report( 'form and address of a picture', $form, $env{KEY}, media_url => 'https://photos.exemple.fr/1.jpg' ) ),
    number( report( 'pictures', $multipart, $env{KEY}, map { ( 'media', $_ ) } @media ) ),
);

my $refused = report( 'wrong key', $form, 'osk_not_a_key_that_anyone_has' );
my $error   = parsed($refused)->{error};
die 'a wrong key: ' . $refused->as_string unless $refused->code == 403 && $error->{code} == 403 && $error->{description} =~ /api_key/;

my $list = fetch( 'requests.xml', service_request_id => join ',', @ids )->{request};
$list = [$list] if ref $list eq 'HASH';
my %back = map { $_->{service_request_id} => $_ } @$list;
my @out;
for my $id (@ids) {
    my $r = $back{$id} or die "$id is not read back";
    die "$id: a value that is no text" if grep { ref $_ } values %$r;
    push @out, {
        id => $id, status => $r->{status}, service_code => $r->{service_code}, description => $r->{description}, address => $r->{address},
        lat => "$r->{lat}", long => "$r->{long}", requested => $r->{requested_datetime},
    };
}
print JSON::PP->new->utf8->encode( \@out );
