package webhook

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestNewRefuses(t *testing.T) {
	noPEM := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(noPEM, []byte("rien"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := func(u string) Endpoint { return Endpoint{Name: "grc", URL: u, Secrets: []string{secretA}} }
	private := func(u string, list ...netip.Prefix) Endpoint {
		e := good(u)
		e.Private = list
		return e
	}
	const https = "https://hooks.example/s3cr3t"
	for name, tc := range map[string]struct {
		e    Endpoint
		says string // "" = it is taken
	}{
		"good":                {good(https), ""},
		"port and query":      {good("https://hooks.example:8443/a?token=s3cr3t"), ""},
		"international":       {good("https://hôtel-de-ville.example/"), ""},
		"empty":               {good(""), "not https"},
		"relative":            {good("/s3cr3t"), "not https"},
		"ftp":                 {good("ftp://hooks.example/s3cr3t"), "not https"},
		"file":                {good("file:///etc/s3cr3t"), "not https"},
		"opaque":              {good("https:hooks.example/s3cr3t"), "names no server"},
		"no host":             {good("https:///s3cr3t"), "names no server"},
		"only a port":         {good("https://:443/s3cr3t"), "names no server"},
		"user":                {good("https://s3cr3t@hooks.example/"), "user name"},
		"password":            {good("https://u:s3cr3t@hooks.example/"), "user name"},
		"odd password":        {good("https://u:s3cr3t#x@hooks.example/"), "cannot be read"},
		"fragment":            {good(https + "#s3cr3t"), "fragment"},
		"empty fragment":      {good(https + "#"), "fragment"},
		"port 0":              {good("https://hooks.example:0/s3cr3t"), "port 0"},
		"port 65536":          {good("https://hooks.example:65536/s3cr3t"), "port 65536"},
		"no port":             {good("https://hooks.example:/s3cr3t"), "colon"},
		"line end":            {good("https://hooks.example/\r\ns3cr3t"), "cannot be read"},
		"zone":                {good("https://[fe80::1%25eth0]/s3cr3t"), "link-local"},
		"http":                {good("http://hooks.example/s3cr3t"), "http"},
		"http, private":       {good("http://10.0.0.5/s3cr3t"), "http"},
		"http, listed":        {private("http://10.0.0.5/s3cr3t", netip.MustParsePrefix("10.0.0.0/24")), ""},
		"http, a name":        {private("http://grc.mairie.lan/s3cr3t", netip.MustParsePrefix("10.0.0.0/24")), ""},
		"http, other listed":  {private("http://10.0.1.5/s3cr3t", netip.MustParsePrefix("10.0.0.0/24")), "private networks"},
		"http, public":        {private("http://8.8.8.8/s3cr3t", netip.MustParsePrefix("10.0.0.0/24")), "use https"},
		"private":             {good("https://192.168.1.2/s3cr3t"), "RFC 1918"},
		"private, listed":     {private("https://192.168.1.2/s3cr3t", netip.MustParsePrefix("192.168.1.2/32")), ""},
		"metadata, listed":    {private("https://169.254.169.254/s3cr3t", netip.MustParsePrefix("169.254.0.0/16")), "metadata"},
		"list: none":          {private(https, netip.Prefix{}), "not valid"},
		"list: all":           {private(https, netip.MustParsePrefix("0.0.0.0/0")), "not a private network"},
		"list: all IPv6":      {private(https, netip.MustParsePrefix("::/0")), "not a private network"},
		"list: public":        {private(https, netip.MustParsePrefix("8.8.8.0/24")), "not a private network"},
		"list: wide":          {private(https, netip.MustParsePrefix("192.168.0.0/15")), "not a private network"},
		"list: metadata":      {private(https, netip.MustParsePrefix("169.254.169.254/32")), "not a private network"},
		"list: multicast":     {private(https, netip.MustParsePrefix("224.0.0.0/8")), "not a private network"},
		"list: this machine":  {private(https, netip.MustParsePrefix("0.0.0.0/8")), "not a private network"},
		"list: mapped":        {private(https, netip.MustParsePrefix("::ffff:10.0.0.0/104")), "not a private network"},
		"list: bits behind":   {private(https, netip.MustParsePrefix("10.1.2.3/8")), "write 10.0.0.0/8, or 10.1.2.3/32"},
		"no secret":           {Endpoint{URL: https}, "no secret"},
		"bad second secret":   {Endpoint{URL: https, Secrets: []string{secretA, "whsec_s3cr3t"}}, "secret 2"},
		"twice":               {Endpoint{URL: https, Secrets: []string{secretA, secretA}}, "twice"},
		"timeout < 0":         {Endpoint{URL: https, Secrets: []string{secretA}, Timeout: -1}, "timeout"},
		"timeout of an hour":  {Endpoint{URL: https, Secrets: []string{secretA}, Timeout: time.Hour}, "timeout"},
		"authority not there": {Endpoint{URL: https, Secrets: []string{secretA}, CAFile: noPEM + ".no"}, "no such file"},
		"authority not PEM":   {Endpoint{URL: https, Secrets: []string{secretA}, CAFile: noPEM}, "PEM"},
	} {
		s, err := New(tc.e)
		switch {
		case tc.says == "" && err != nil, tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)):
			t.Errorf("%s: got %v, want %q", name, err, tc.says)
		case err != nil && strings.Contains(err.Error(), "s3cr3t"):
			t.Errorf("%s: the error gives a secret away: %v", name, err)
		case err != nil && s != nil:
			t.Errorf("%s: a sender and an error", name)
		}
	}
}

func TestSchedule(t *testing.T) {
	var sum time.Duration
	for _, d := range Schedule() {
		sum += d
	}
	// "Time since start" of the specification's last row.
	if want := 75*time.Hour + 35*time.Minute + 5*time.Second; sum != want || len(Schedule()) != 10 || Schedule()[0] != 0 {
		t.Errorf("%d attempts in %s, want 10 in %s", len(Schedule()), sum, want)
	}
	Schedule()[1] = 0
	if Schedule()[1] != 5*time.Second {
		t.Error("a caller can change the schedule")
	}
}
