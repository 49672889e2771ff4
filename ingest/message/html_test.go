package message

import (
	"fmt"
	"strings"
	"testing"
)

func TestHTMLToText(t *testing.T) {
	tests := []struct{ name, html, want string }{
		{"no body", "Bonjour <b>Madame</b>,<br>merci", "Bonjour Madame,\nmerci"},
		{"words across inline tags", "l&rsquo;<b>é</b>cole <i>est</i> f<u>ermé</u>e", "l’école est fermée"},
		{"paragraphs", "<p>Un</p><p>Deux</p>", "Un\n\nDeux"},
		{"divs", "<div>Un</div><div>Deux</div><div><br></div><div>Trois</div>", "Un\nDeux\n\nTrois"},
		{"two breaks", "Un<br><br>Deux", "Un\n\nDeux"},
		{"entities", "5&nbsp;&euro; &lt;x&gt; &amp; &eacute; &#233; &#xe9; &inconnu;", "5\u00A0€ <x> & é é é &inconnu;"},
		{"script and style", "<style>p{}</style><script>var x='<p>non</p>'</script><p>oui</p>", "oui"},
		{"head and title", "<html><head><title>Titre</title><meta charset=utf-8></head><body>Texte</body></html>", "Texte"},
		{"unclosed title", "<title>Titre<body><p>Texte", "Texte"},
		{"comments", "a<!-- non -->b<!--[if mso]>non<![endif]--><![if !mso]>c<![endif]>", "abc"},
		{"preheader display", `<div style="display:none;max-height:0">caché</div><p>vu</p>`, "vu"},
		{"preheader important", `<span style="DISPLAY: none !important">caché</span>vu`, "vu"},
		{"preheader font", `<span style="font-size:0px;line-height:0">caché</span>vu`, "vu"},
		{"preheader mso", `<span style="mso-hide:all">caché <b>aussi</b></span>vu`, "vu"},
		{"preheader height", `<div style="max-height:0px;overflow:hidden">caché</div>vu`, "vu"},
		{"hidden attribute", `<p hidden>caché</p><p>vu</p>`, "vu"},
		{"layout with font-size 0", `<p>a</p><div style="font-size:0"><div style="font-size:13px">vu</div>non</div>`, "a\n\nvu"},
		{"small is not hidden", `<span style="font-size:0.8em">vu</span>`, "vu"},
		{"all hidden is shown", `<div style="display:none"><p>tout le texte`, "tout le texte"},
		{"link", `<a href="https://example.fr/a">ici</a>.`, "ici (https://example.fr/a)."},
		{"link to itself", `<a href="https://www.example.fr/">www.example.fr</a>`, "www.example.fr"},
		{"mail link", `<a href="mailto:a@example.fr?subject=x">a@example.fr</a>`, "a@example.fr"},
		{"phone link", `<a href="tel:+33612345678">06 12 34 56 78</a>`, "06 12 34 56 78"},
		{"link inside", `<a href="#haut">haut</a> <a href="javascript:x()">x</a>`, "haut x"},
		{"image link", `<a href="https://example.fr/a"><img alt="Payer"></a>`, "Payer (https://example.fr/a)"},
		{"links unclosed", `<a href="http://a.fr/">un <a href="http://b.fr/">deux`, "un (http://a.fr/) deux (http://b.fr/)"},
		{"table", "<table><tr><th>Nom</th><th>Âge</th></tr><tr><td><p>Jean</p></td><td>\n<p>40</p></td></tr></table>après", "Nom\tÂge\nJean\t40\naprès"},
		{"table without end tags", "<table><tr><td>a<td>b<tr><td>c<td>d</table>", "a\tb\nc\td"},
		{"nested table", "<table><tr><td><table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table></td></tr><tr><td>d</td></tr></table>", "a\tb\nc\nd"},
		{"list", "<ul><li>un<li>deux<ul><li>sous</li></ul></li></ul>fin", "- un\n- deux\n  - sous\nfin"},
		{"numbers", "<ol><li>un</li><li><p>deux</p></li></ol>", "1. un\n2. deux"},
		{"pre", "<pre>a  b\n  c\n\nd</pre>", "a  b\n  c\n\nd"},
		{"quote", "<p>oui</p><blockquote type=cite><p>un</p><p>deux</p></blockquote>non", "oui\n\n> un\n>\n> deux\n\nnon"},
		{"quote with breaks", "<blockquote>un<br>deux</blockquote>", "> un\n> deux"},
		{"misnested", "<b><p>un</b></p><i>deux</p></i> trois", "un\n\ndeux\ntrois"},
		{"stray end tags", "</div></td></table>un</p>deux", "un\ndeux"},
		{"soft hyphen", "dé&shy;chets&#8203;", "déchets"},
		{"unclosed tag at the end", "texte <a href=", "texte"},
		{"less-than", "si a < b et c<5 alors", "si a < b et c<5 alors"},
		{"textarea and noscript", "<textarea>a</textarea><noscript>b</noscript><iframe>c", "abc"},
		{"uppercase", "<P>un</P><BR><DIV STYLE='DISPLAY:NONE'>x</DIV>deux", "un\n\ndeux"},
		{"own elements", "<o:p></o:p>un<o:p/>deux<x-y style='display:none'/>trois", "undeuxtrois"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := htmlText(tt.html, 1<<20); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// TestHTMLNoWordLost puts a word into every element there is, at every depth.
func TestHTMLNoWordLost(t *testing.T) {
	tags := strings.Fields("a abbr address article aside b bdi blockquote body button center cite code dd del div dl dt em fieldset font form h1 h2 h6 " +
		"header html i iframe ins kbd label legend li main mark menu nav noframes noscript ol option p plaintext pre q s section select small span strike strong sub sup table tbody " +
		"td textarea tfoot th thead tr tt u ul xmp o:p inconnu svg math frameset marquee")
	var b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&b, "<%s class=x> mot%d ", tags[i*7%len(tags)], i)
		if i%5 == 0 {
			fmt.Fprintf(&b, "</%s>", tags[i%len(tags)])
		}
	}
	text := htmlToText([]byte(b.String()), 1<<20)
	have := make(map[string]bool)
	for w := range strings.FieldsSeq(text) {
		have[w] = true
	}
	for i := range 3000 {
		if w := fmt.Sprintf("mot%d", i); !have[w] {
			t.Fatalf("%s is lost; tag %s", w, tags[i*7%len(tags)])
		}
	}
}
