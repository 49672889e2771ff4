package dovecottest

import (
	"bytes"
	"fmt"
	"text/template"
)

// configTemplate is a Dovecot 2.3 that needs neither root nor the machine's services:
// every helper runs as one user, nothing is chrooted, all state lies in one folder.
var configTemplate = template.Must(template.New("dovecot.conf").Parse(`
base_dir = {{.Dir}}/base
state_dir = {{.Dir}}/state
instance_name = dovecottest
log_path = {{.Dir}}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
default_internal_user = {{.User}}
default_internal_group = {{.Group}}
default_login_user = {{.User}}
first_valid_uid = 1
mail_uid = {{.User}}
mail_gid = {{.Group}}
service anvil {
  chroot =
}
service stats {
  chroot =
}
service imap-login {
  chroot =
  inet_listener imap {
    port = {{.IMAPPort}}
  }
  inet_listener imaps {
    port = {{.IMAPSPort}}
    ssl = yes
  }
}
service lmtp {
  user = {{.User}}
  inet_listener lmtp {
    port = {{.LMTPPort}}
  }
}
mail_location = maildir:{{.Dir}}/mail/%n/Maildir
mail_home = {{.Dir}}/mail/%n
mail_max_userip_connections = 100
mail_fsync = never
maildir_very_dirty_syncs = no
mailbox_idle_check_interval = {{.IdleCheck}} secs
{{- if .QuotaMails}}
mail_plugins = $mail_plugins quota
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:messages={{.QuotaMails}}
}
{{- end}}
ssl = yes
ssl_cert = <{{.Dir}}/cert.pem
ssl_key = <{{.Dir}}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {{.Dir}}/oauth2.conf.ext
}
passdb {
  driver = static
  args = password={{.UserPassword}}
}
userdb {
  driver = static
  args = uid={{.User}} gid={{.Group}} home={{.Dir}}/mail/%n
}
namespace inbox {
  inbox = yes
  separator = {{.Separator}}
  prefix = {{.Prefix}}
}
protocol imap {
  imap_idle_notify_interval = {{.IdleNotify}} secs
{{- if .Capability}}
  imap_capability = {{.Capability}}
{{- end}}
}
`))

// oauth2Template validates tokens locally: JSON Web Tokens signed with HS256 whose key
// lies under keys/.
const oauth2Template = `introspection_mode = local
local_validation_key_dict = fs:posix:prefix=%s/keys/
username_attribute = email
`

func (s *Server) renderConfig() ([]byte, error) {
	var b bytes.Buffer
	data := struct {
		*Server
		UserPassword string
	}{s, s.password}
	if err := configTemplate.Execute(&b, data); err != nil {
		return nil, fmt.Errorf("dovecottest: %w", err)
	}
	return b.Bytes(), nil
}
