package deliver

import (
	"strings"
	"testing"
	"unicode"
)

func TestSMTPError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		stage, reply string
		code         int
		permanent    bool
		enhanced     string
		says         string
	}{
		{StageRcpt, "5.1.1 <zoe@exemple.fr>: no such user", 550, true, "5.1.1", "550 5.1.1 \"<address> no such user\""},
		{StageRcpt, "4.2.1 busy", 450, false, "4.2.1", "busy"},
		{StageMail, "5.7.0 Authentication required", 530, false, "5.7.0", "smtp.username"},
		{StageMail, "sender refused", 553, true, "", "sender refused"},
		{StageData, "5.3.4\nmessage\ntoo big", 552, true, "5.3.4", "message too big"},
		{StageData, "try later", 451, false, "", "try later"},
		{StageGreeting, "no SMTP service here", 554, false, "", "smtp.host"},
		{StageHello, "5.5.1 bad", 501, false, "5.5.1", "smtp.host"},
		{StageAuth, "5.7.8 bad credentials", 535, false, "5.7.8", "smtp.password"},
		{StageAuth, "4.7.0 try later", 454, false, "4.7.0", "try later"},
		{StageTLS, "no", 502, false, "", "smtp.port"},
	} {
		err := newSMTPError(c.stage, c.code, c.reply)
		if err.Permanent() != c.permanent || err.Enhanced != c.enhanced || err.Code != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s %d %q: permanent %t, %+v: %v", c.stage, c.code, c.reply, err.Permanent(), err, err)
		}
	}
}

// FuzzSMTPError: a server's words are fit for a log, short, and name no address.
func FuzzSMTPError(f *testing.F) {
	f.Add("5.1.1 <zoe@exemple.fr>\x1b[2J\r\nlevel=INFO msg=x")
	f.Add(strings.Repeat("5.1.1 ", 1000))
	f.Fuzz(func(t *testing.T, reply string) {
		e := newSMTPError(StageRcpt, 550, reply)
		if strings.ContainsFunc(e.Text, unicode.IsControl) || len([]rune(e.Text)) > maxServerText {
			t.Fatalf("%q", e.Text)
		}
		if said := e.Error(); strings.ContainsAny(said, "@\r\n") {
			t.Fatal(said)
		}
	})
}
