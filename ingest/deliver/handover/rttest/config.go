package rttest

import (
	"fmt"
	"strings"
)

// The people, queues and fields of the server.
const (
	// Queue takes cases; Closed is a disabled one; Other is one that User may not see.
	Queue, Closed, Other = "Voirie & propreté", "Ancienne", "Police"
	// Field is a custom field of Queue.
	Field = "Référence saisine"
	// Staff is the AdminCc of Queue: whom RT tells of comments.
	Staff = "voirie@saint-exemple.test"

	user, password     = "saisine", "saisine-secret"
	root, rootPassword = "root", "root-secret"
)

// userRights are those that the handbook tells a town to give.
var userRights = []string{
	"SeeQueue", "CreateTicket", "ShowTicket", "ShowTicketComments", "CommentOnTicket",
	"SeeCustomField", "SetInitialCustomField",
}

// lacking are rights that somebody has all but one of.
var lacking = []string{"SeeQueue", "CreateTicket", "ShowTicketComments", "CommentOnTicket"}

func perlList(words []string) string { return "'" + strings.Join(words, "', '") + "'" }

// siteConfig is RT_SiteConfig.pm for a server that lives below dir.
func siteConfig(dir string, port int) string {
	return fmt.Sprintf(`use utf8;
Set($rtname, 'saint-exemple.test');
Set($Organization, 'saint-exemple.test');
Set($WebDomain, '127.0.0.1');
Set($WebPort, %[2]d);
Set($WebBaseURL, 'http://127.0.0.1:%[2]d');
Set($WebPath, '');
Set($Timezone, 'Europe/Paris');
Set($DatabaseType, 'SQLite');
Set($DatabaseName, '%[1]s/data/rt.sqlite');
# RT hashes the password or token at each call; its own 12 takes a quarter of a second.
Set($BcryptCost, 4);
Set($LogToSyslog, undef);
Set($LogToSTDERR, 'info');
# No mail leaves: each is appended to a file.
Set($MailCommand, sub {
    my $entity = shift;
    open(my $out, '>>', '%[1]s/mails') or die "mails: $!";
    print $out $entity->as_string, "\n%[3]s\n";
    close $out;
    return 1;
});
$VarPath = '%[1]s/data';
$MasonDataDir = '%[1]s/mason';
$MasonSessionDir = '%[1]s/sessions';
1;
`, dir, port, mailEnd)
}

// mailEnd parts the mails in their file.
const mailEnd = "=== end of mail ==="

// initialData is what rt-setup-database inserts after RT's own. The token's text, which RT
// keeps no copy of, is written to tokenPath.
func initialData(tokenPath string) string {
	return fmt.Sprintf(`use utf8;
@Queues = ({ Name => '%[1]s' }, { Name => '%[2]s' }, { Name => '%[3]s' });
@Users = (
    { Name => '%[4]s', Privileged => 1, Password => '%[5]s', EmailAddress => 'saisine@saint-exemple.test' },
    map {{ Name => "sans-$_", Privileged => 1, Password => '%[5]s' }} (%[8]s),
);
@CustomFields = ({ Name => '%[6]s', Type => 'FreeformSingle', LookupType => 'RT::Queue-RT::Ticket', ApplyTo => '%[1]s' });
@ACL = (
    (map { my $q = $_; map {{ UserId => '%[4]s', ObjectType => 'RT::Queue', Queue => $q, Right => $_ }} (%[7]s) } ('%[1]s', '%[2]s')),
    (map { my $lacks = $_; map {{ UserId => "sans-$lacks", ObjectType => 'RT::Queue', Queue => '%[1]s', Right => $_ }} grep { $_ ne $lacks } (%[7]s) } (%[8]s)),
    { UserId => '%[4]s', ObjectType => 'RT::System', Right => 'ManageAuthTokens' },
);
@Final = (sub {
    my $queue = RT::Queue->new(RT->SystemUser);
    $queue->Load('%[1]s');
    my ($watched, $said) = $queue->AddWatcher(Type => 'AdminCc', Email => '%[9]s');
    die $said unless $watched;
    my $closed = RT::Queue->new(RT->SystemUser);
    $closed->Load('%[2]s');
    $closed->SetDisabled(1);
    my $user = RT::CurrentUser->new;
    $user->Load('%[4]s');
    my ($id, $msg, $token) = RT::AuthToken->new($user)->Create(Owner => $user->Id, Description => 'saisine');
    die $msg unless $id;
    open(my $out, '>', '%[10]s') or die "token: $!";
    print $out $token;
    close $out or die "token: $!";
});
1;
`, Queue, Closed, Other, user, password, Field, perlList(userRights), perlList(lacking), Staff, tokenPath)
}
