package safehtml

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"saisine.fr/saisine/channels/desk/xss"
)

var (
	png    = "\x89PNG\r\n\x1a\n0123"
	webp   = "RIFF0123WEBPVP8 x"
	inline = map[string][]byte{"logo@x": []byte(png), "a b": []byte(webp), "svg": []byte("<svg onload=alert(1)>")}
)

func clean(s string) Result {
	return Clean(s, Options{Images: inline, Remote: "[image distante]", Missing: "[image absente]"})
}

func TestClean(t *testing.T) {
	asPNG := "data:image/png;base64," + base64.StdEncoding.EncodeToString([]byte(png))
	link := func(href, text string) string {
		return `<a href="` + href + `" rel="nofollow noreferrer noopener" target="_blank">` + text + `</a>`
	}
	for _, tt := range []struct{ name, in, want string }{
		{"text", "a < b & c", "a &lt; b &amp; c"},
		{"structure", "<div><p>a<p>b<ul><li>c<li>d</ul></div>", "<div><p>a<p>b<ul><li>c<li>d</ul></div>"},
		{"table", `<table border=1 style="color:red"><tr valign=top><td colspan=2 bgcolor=red>x</table>`, `<table><tr valign="top"><td colspan="2">x</table>`},
		{"class, id and data", `<p class=x id=y data-z=1 lang=fr>a</p>`, `<p lang="fr">a</p>`},
		{"unclosed", "<b><i>a", "<b><i>a</i></b>"},
		{"closed across", "<div><b>a</div>b", "<div><b>a</b></div>b"},
		{"stray end", "</div></table>a</b>", "a"},
		{"script", "a<script>x<b>y</script>b", "ab"},
		{"style and title", "<title>t</title><style>p{}</style>a", "a"},
		{"text of fields", "<textarea><b>a</b></textarea><form><input value=x><button>b</button></form>", "&lt;b&gt;a&lt;/b&gt;b"},
		{"foreign content", "<svg><style>a</style><a xlink:href='javascript:x'>b</a></svg><math><mi href=//x>c", "<a>b</a>c"},
		{"comment", "a<!-- <b>x -->b<![if !mso]>c<![endif]>", "abc"},
		{"link", `<a href="https://a.fr/x?b=1&amp;c=é" onclick=x>a</a>`, link("https://a.fr/x?b=1&amp;c=é", "a")},
		{"two links", "<a href=http://a.fr>a<a href=http://b.fr>b", link("http://a.fr", "a") + link("http://b.fr", "b")},
		{"mail and phone", "<a href=' mailto:a@b.fr '>a</a><a href='tel:+33102030405'>b</a>", `<a href="mailto:a@b.fr" rel="nofollow noreferrer">a</a><a href="tel:+33102030405" rel="nofollow noreferrer">b</a>`},
		{"no link", "<a href=javascript:x>a</a><a href=/x>b</a><a href=//x.fr>c</a><a href=data:text/html,x>d</a><a href=https:x.fr>e</a><a href=#x>f</a>", "<a>a</a><a>b</a><a>c</a><a>d</a><a>e</a><a>f</a>"},
		{"data picture as a link", "<a href=" + asPNG + ">a</a>", "<a>a</a>"},
		{"inline image", `<img src="cid:logo@x" alt="Logo &amp; nom" width=10 height=1e9 onerror=x>`, `<img width="10" src="` + asPNG + `" alt="Logo &amp; nom">`},
		{"encoded cid", `<img src="CID:a%20b">`, `<img src="data:image/webp;base64,` + base64.StdEncoding.EncodeToString([]byte(webp)) + `" alt="">`},
		{"image in the text", `<img src="` + asPNG + `">`, `<img src="` + asPNG + `" alt="">`},
		{"image of another kind than it says", `<img src="data:image/svg+xml;base64,` + base64.StdEncoding.EncodeToString([]byte(png)) + `">`, `<img src="` + asPNG + `" alt="">`},
		{"vector graphics", `<img src=cid:svg><p><img src="data:image/png;base64,PHN2Zz4="><p><img src="data:image/svg+xml,<svg>">`, " [image absente] <p> [image absente] <p> [image absente] "},
		{"missing", `<img src=cid:other alt=x>`, " [image absente\u00a0: x] "},
		{"remote", `<img src=https://t.fr/p.gif><img src=//t.fr/p.gif><image src=/x alt="a<b">`, " [image distante]  [image distante\u00a0: a&lt;b] "},
		{"direction", "a\u202Eb&#8238;c&#x2066;d", "abcd"},
		{"control characters", "a\x00\x1b&#1;b\r\nc&#13;", "ab\nc\n"},
		{"no UTF-8", "a\xffb", "a\uFFFDb"},
		{"entities", "&lt;script&gt;&amp;lt;&eacute;", "&lt;script&gt;&amp;lt;é"},
		{"nothing", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := clean(tt.in); got.HTML != tt.want || got.Cut {
				t.Errorf("got  %q\nwant %q", got.HTML, tt.want)
			}
		})
	}
	if r := clean("<img src=http://a/><img src=http://b/><img src=cid:x>"); r.Remote != 2 {
		t.Errorf("%d remote images", r.Remote)
	}
}

// Hostile nesting and size come out bounded, in little time.
func TestCleanBounds(t *testing.T) {
	begun := time.Now()
	big := Clean(strings.Repeat("<img src=cid:x>", 100), Options{Images: map[string][]byte{"x": []byte(png + strings.Repeat("x", 3000))}, MaxImages: 50_000, Missing: "[absente]"})
	if n := strings.Count(big.HTML, "<img"); n != 12 || strings.Count(big.HTML, "[absente]") != 1 {
		t.Errorf("%d images", n)
	}
	for name, in := range map[string]string{
		"div":            strings.Repeat("<div>", 60_000) + "x",
		"formatting":     strings.Repeat("<b><font color=1>", 30_000) + strings.Repeat("<p>x", 40_000),
		"tables":         strings.Repeat("<table><tr><td>", 30_000) + "x",
		"ends":           strings.Repeat("</p></td></b>", 60_000) + "x",
		"lists":          strings.Repeat("<ul><li>", 30_000) + strings.Repeat("</ul>", 30_000) + "x",
		"attributes":     "<p " + strings.Repeat("a=b ", 130_000) + ">x",
		"one attribute":  "<a href='" + strings.Repeat("http://a.fr/", 40_000) + "'>x",
		"unclosed tag":   "x<a href=" + strings.Repeat("x", 1<<20),
		"too long":       strings.Repeat("<p>x", 2<<20),
		"remote images":  strings.Repeat("<img src=http://a.fr/x>", 40_000) + "x",
		"open comment":   "x<!--" + strings.Repeat("-", 1<<20),
		"closed links":   strings.Repeat("<a href=http://a.fr/>x", 30_000),
		"entities":       strings.Repeat("&lt;&#x41;&amp", 40_000) + "x",
		"mixed brackets": strings.Repeat("<<b></ >", 40_000) + "x",
	} {
		one := time.Now()
		r := clean(in)
		took := time.Since(one)
		elements, depth := measure(parse(t, r.HTML))
		t.Logf("%s: %d kB in %s", name, len(in)>>10, took.Round(time.Millisecond))
		if !strings.Contains(r.HTML, "x") || elements > 6*maxElements || depth > 4*maxDepth+10 || len(r.HTML) > 8<<20 {
			t.Errorf("%s: %d bytes, %d elements in a depth of %d", name, len(r.HTML), elements, depth)
		}
	}
	if took := time.Since(begun); took > time.Minute {
		t.Errorf("it took %s", took)
	}
}

// The policy of the page names its style sheet by hash, and nothing that acts.
func TestPolicy(t *testing.T) {
	for _, never := range []string{"'self' ", "unsafe", "script-src", "allow-scripts", "allow-same-origin", "allow-forms", "allow-top", "http", "*"} {
		if strings.Contains(Policy, never) {
			t.Errorf("the policy has %q: %s", never, Policy)
		}
	}
	for _, always := range []string{"default-src 'none'", "style-src 'sha256-", "sandbox", "frame-ancestors 'self'", "form-action 'none'"} {
		if !strings.Contains(Policy, always) {
			t.Errorf("the policy lacks %q: %s", always, Policy)
		}
	}
}

func parse(t *testing.T, s string) []*html.Node {
	t.Helper()
	nodes, err := html.ParseFragment(strings.NewReader(s), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil {
		t.Fatalf("not parsed: %v", err)
	}
	return nodes
}

func measure(nodes []*html.Node) (elements, depth int) {
	for _, n := range nodes {
		depth = max(depth, 1)
		if n.Type == html.ElementNode {
			elements++
		}
		for c := range n.ChildNodes() {
			e, d := measure([]*html.Node{c})
			elements, depth = elements+e, max(depth, d+1)
		}
	}
	return elements, depth
}

// allowed is what may come out, written down a second time.
var (
	allowedAttrs = []string{
		"dir", "lang", "align", "valign", "colspan", "rowspan", "span", "start", "value", "type", "title",
		"href", "rel", "target", "src", "alt", "width", "height",
	}
	implied      = []string{"tbody", "colgroup", "tr", "img"} // elements that browsers add, and images
	allowedImage = regexp.MustCompile(`^data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+=*$`)
)

func check(t *testing.T, nodes []*html.Node) {
	t.Helper()
	for _, n := range nodes {
		switch n.Type {
		case html.TextNode:
			if strings.ContainsFunc(n.Data, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' || r >= 0x202A && r <= 0x202E }) {
				t.Errorf("text %q", n.Data)
			}
		case html.ElementNode:
			if n.Namespace != "" || !slices.Contains(plain, n.Data) && !slices.Contains(implied, n.Data) {
				t.Errorf("element %s %q", n.Namespace, n.Data)
			}
		default:
			t.Errorf("node of type %d: %q", n.Type, n.Data)
		}
		for _, a := range n.Attr {
			checkAttr(t, n, a)
		}
		for c := range n.ChildNodes() {
			check(t, []*html.Node{c})
		}
	}
}

func checkAttr(t *testing.T, n *html.Node, a html.Attribute) {
	t.Helper()
	if a.Namespace != "" || !slices.Contains(allowedAttrs, a.Key) {
		t.Errorf("attribute %s=%q of %s", a.Key, a.Val, n.Data)
	}
	switch a.Key {
	case "href":
		u, err := url.Parse(a.Val)
		if err != nil || n.Data != "a" || !slices.Contains([]string{"http", "https", "mailto", "tel"}, u.Scheme) {
			t.Errorf("%s links to %q: %v", n.Data, a.Val, err)
		}
		if rel := attr(n, "rel"); !strings.Contains(rel, "noreferrer") || u.Host != "" && (attr(n, "target") != "_blank" || !strings.Contains(rel, "noopener")) {
			t.Errorf("link %q has rel %q and target %q", a.Val, rel, attr(n, "target"))
		}
	case "src":
		if n.Data != "img" || !allowedImage.MatchString(a.Val) {
			t.Errorf("%s shows %q", n.Data, a.Val)
		}
	}
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func TestPayloadsComeOutClean(t *testing.T) {
	list := xss.Payloads()
	if len(list) < 200 {
		t.Fatalf("only %d payloads", len(list))
	}
	for _, p := range list {
		check(t, parse(t, clean(p).HTML))
	}
}

func FuzzClean(f *testing.F) {
	for _, p := range xss.Payloads() {
		f.Add(p)
	}
	f.Add("<table><td><p><img src=cid:logo@x alt='<'><a href=' https://é.fr/%zz?a;b '>x</a>\u202E&#8238;&#0;</p>")
	f.Fuzz(func(t *testing.T, in string) {
		r := clean(in)
		nodes := parse(t, r.HTML)
		check(t, nodes)
		if again := clean(r.HTML); again.HTML != r.HTML {
			t.Errorf("a second time it gives\n%q\nafter\n%q", again.HTML, r.HTML)
		}
	})
}
