package eximtest

import (
	"bytes"
	"fmt"
	"slices"
	"text/template"
)

// configTemplate is an Exim 4 that needs neither root nor the machine's services: every
// process runs as one user, all state lies in one folder, no name is looked up, and no
// limit of rate, load or connections holds.
var configTemplate = template.Must(template.New("exim.conf").Parse(`
exim_user = {{.User}}
exim_group = {{.Group}}
deliver_drop_privilege
spool_directory = {{.Dir}}/spool
log_file_path = {{.Dir}}/log/%slog
pid_file_path = {{.Dir}}/exim.pid
primary_hostname = mx.{{.Domain}}
local_interfaces = <; 127.0.0.1.{{.SubmissionPort}} ; 127.0.0.1.{{.TLSPort}} ; 127.0.0.1.{{.PlainPort}}
tls_on_connect_ports = {{.TLSPort}}
tls_advertise_hosts = ${if ={$received_port}{ {{.PlainPort}} }{}{*}}
tls_certificate = {{.CAFile}}
tls_privatekey = {{.Dir}}/key.pem
auth_advertise_hosts = ${if ={$received_port}{ {{.PlainPort}} }{}{*}}
smtputf8_advertise_hosts = {{if .NoUTF8}}{{else}}*{{end}}
host_lookup =
rfc1413_hosts =
dns_ipv4_lookup = *
keep_environment =
bounce_return_size_limit = 20K
message_size_limit = 50M
smtp_accept_max = 0
smtp_accept_queue_per_connection = 0
smtp_accept_max_per_connection = 0
smtp_connect_backlog = 200
queue_run_max = 2
remote_max_parallel = 4
no_message_logs
acl_smtp_connect = acl_connect
acl_smtp_helo = acl_helo
acl_smtp_mail = acl_mail
acl_smtp_rcpt = acl_rcpt
acl_smtp_predata = acl_predata
acl_smtp_data = acl_data

begin acl
{{range .Stages}}
{{- if not (eq . "mail" "rcpt")}}
acl_{{.}}:
{{template "fault" $.At .}}  accept
{{end}}{{end}}
acl_mail:
{{template "fault" .At "mail"}}  deny condition = ${if ={$received_port}{ {{.PlainPort}} }{no}{yes}}
       !authenticated = *
       message = 530 5.7.0 Authentication required
  accept

acl_rcpt:
{{template "fault" .At "rcpt"}}  defer condition = ${if exists{ {{- .Dir}}/faults/greylist}}
       !seen = 1h / key=${sender_address}-$local_part@$domain
       message = 451 4.7.1 greylisted, try again
  deny local_parts = ^refuse\\.
       message = 550 5.1.1 <$local_part@$domain>: no such user here
  defer local_parts = ^later\\.
       message = 450 4.2.1 <$local_part@$domain>: mailbox busy, try later
  accept domains = {{.Domain}}{{range .Towns}} : {{.Domain}}{{end}}
  deny message = 550 5.7.1 relay not permitted

begin routers

bounce:
  driver = redirect
  domains = {{.Domain}}
  local_parts = ^bounce\\.
  allow_fail
  data = :fail: mailbox is full

citizens:
  driver = accept
  domains = {{.Domain}}
  transport = stored
{{range $i, $town := .Towns}}
town{{$i}}:
  driver = manualroute
  domains = {{$town.Domain}}
  route_list = * 127.0.0.1
  self = send
  transport = lmtp{{$i}}
{{end}}
begin transports

stored:
  driver = appendfile
  directory = {{.Dir}}/mail
  maildir_format
  create_directory
  mode = 0600
  use_crlf
  no_check_owner
  return_path_add
  envelope_to_add
  user = {{.User}}
  group = {{.Group}}
{{range $i, $town := .Towns}}
lmtp{{$i}}:
  driver = smtp
  protocol = lmtp
  port = {{$town.LMTPPort}}
  allow_localhost
  hosts_try_auth =
  hosts_avoid_tls = *
{{end}}
begin retry

* * F,1d,1s

begin authenticators
{{if .HasAuth "PLAIN"}}
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{ {eq{$auth2}{ {{- .Username -}} }}{eq{$auth3}{ {{- .Password -}} }} }}
  server_set_id = $auth2
  server_advertise_condition = ${if def:tls_in_cipher}
{{end}}{{if .HasAuth "LOGIN"}}
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = <| Username: | Password:
  server_condition = ${if and{ {eq{$auth1}{ {{- .Username -}} }}{eq{$auth2}{ {{- .Password -}} }} }}
  server_set_id = $auth1
  server_advertise_condition = ${if def:tls_in_cipher}
{{end}}{{if .HasAuth "CRAM-MD5"}}
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${if eq{$auth1}{ {{- .Username -}} }{ {{- .Password -}} }fail}
  server_set_id = $auth1
  server_advertise_condition = ${if def:tls_in_cipher}
{{end}}
{{- define "fault"}}  deny condition = ${if exists{ {{- .Dir}}/faults/{{.Stage}}-5xx}}
       message = 550 5.7.1 refused at {{.Stage}}
  defer condition = ${if exists{ {{- .Dir}}/faults/{{.Stage}}-4xx}}
       message = 451 4.3.0 not now, at {{.Stage}}
  warn condition = ${if exists{ {{- .Dir}}/faults/{{.Stage}}-slow}}
       delay = 3s
{{end}}`))

// stageFile is where the configuration of a stage looks for its faults.
type stageFile struct{ Dir, Stage string }

// At is for the configuration.
func (s *Server) At(stage string) stageFile { return stageFile{s.Dir, stage} }

// Stages are those at which Fault can strike, for the configuration.
func (s *Server) Stages() []string {
	return []string{"connect", "helo", "mail", "rcpt", "predata", "data"}
}

// HasAuth tells whether the server offers a mechanism of AUTH.
func (s *Server) HasAuth(mechanism string) bool {
	return slices.Contains(s.auth, mechanism)
}

func (s *Server) renderConfig() ([]byte, error) {
	var b bytes.Buffer
	if err := configTemplate.Execute(&b, s); err != nil {
		return nil, fmt.Errorf("eximtest: %w", err)
	}
	return b.Bytes(), nil
}
