package desk

import (
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"

	"golang.org/x/text/language"

	"saisine.fr/saisine/ingest"
)

// sendToLogin has somebody log in who must be known, and come back to where they wanted to go.
func (a *Adapter) sendToLogin(w http.ResponseWriter, r *http.Request) {
	var wanted string
	switch {
	case r.Header.Get("HX-Request") == "true":
		wanted = localPath(r.Header.Get("HX-Current-URL"))
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		wanted = localPath(r.URL.RequestURI())
	default:
		wanted = localPath(r.Referer()) // the page whose form was sent
	}
	to := loginPath
	if wanted != "" && wanted != homePath {
		to += "?" + url.Values{"vers": {wanted}}.Encode()
	}
	if r.Header.Get("HX-Request") == "true" {
		// A redirect would put the login into the middle of the page.
		w.Header().Set("HX-Redirect", to)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	_ = redirect(w, r, to)
}

// maxWanted bounds a wanted address, in bytes.
const maxWanted = 2000

// localPath returns the path and query of an address when it is a page of the desk to which
// a login may lead, and "" otherwise: never another host, and never out of the desk.
func localPath(address string) string {
	if len(address) > maxWanted || strings.ContainsAny(address, "\\\t\r\n") {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil || u.Opaque != "" {
		return ""
	}
	p := u.Path
	if p != path.Clean(p) && p != path.Clean(p)+"/" || !strings.HasPrefix(p, homePath) ||
		strings.HasPrefix(p, loginPath) || strings.HasPrefix(p, logoutPath) || strings.HasPrefix(p, assetsPath) {
		return ""
	}
	return (&url.URL{Path: p, RawQuery: u.RawQuery}).RequestURI()
}

// tongueOf is the language of somebody who has not logged in.
func (a *Adapter) tongueOf(r *http.Request) tongue {
	return a.pages.tongue(ingest.Viewer{Language: spoken(r)})
}

var spokenMatcher = language.NewMatcher([]language.Tag{language.French, language.English})

// spoken is the language that the browser asks for.
func spoken(r *http.Request) string {
	tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(tags) == 0 {
		return french
	}
	if _, i, confidence := spokenMatcher.Match(tags...); i == 1 && confidence > language.No {
		return english
	}
	return french
}

// keepsCookies reports whether the browser will take the session's cookie: by TLS, or from
// the machine itself.
func (l *login) keepsCookies(r *http.Request) bool {
	if l.trusted.Secure(r) {
		return true
	}
	host := r.Host
	if u, err := url.Parse("http://" + r.Host); err == nil {
		host = u.Hostname()
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	// A proxy that does not say by what it was reached serves the public address.
	public, err := url.Parse(l.a.opts.PublicURL)
	return err == nil && public.Scheme == "https" && strings.EqualFold(public.Host, r.Host)
}
