package safehtml

import (
	"net/url"
	"regexp"

	"github.com/microcosm-cc/bluemonday"
)

// policy decides which elements and attributes remain. It is built once: bluemonday's
// policies are safe for concurrent use after that.
var policy = newPolicy()

// plain are the elements that may stand without attributes.
var plain = []string{
	"p", "div", "span", "br", "hr", "wbr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "center", "address",
	"article", "section", "header", "footer", "main", "aside", "nav", "figure", "figcaption", "details", "summary",
	"b", "strong", "i", "em", "u", "s", "strike", "del", "ins", "small", "big", "sub", "sup", "tt", "code", "kbd", "samp", "var",
	"cite", "q", "mark", "abbr", "acronym", "dfn", "time", "bdi", "bdo", "font",
	"ul", "ol", "li", "dl", "dt", "dd", "a",
	"table", "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "td", "th",
}

// Values of attributes.
var (
	upTo999   = regexp.MustCompile(`^[0-9]{1,3}$`)
	upTo9999  = regexp.MustCompile(`^[0-9]{1,4}$`)
	alignment = regexp.MustCompile(`(?i)^(?:left|right|center|justify|top|middle|bottom|baseline)$`)
	direction = regexp.MustCompile(`(?i)^(?:ltr|rtl|auto)$`)
	tag       = regexp.MustCompile(`^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,2}$`) // BCP 47, as mails have it
	listType  = regexp.MustCompile(`^(?:[aAiI1]|disc|circle|square)$`)
	link      = regexp.MustCompile(`(?i)^(?:https?://[^/\\\s]|mailto:|tel:)`)
	picture   = regexp.MustCompile(`^data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}$`)
	words     = regexp.MustCompile(`(?s)^.{0,500}$`)
)

func newPolicy() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements(plain...)
	p.AllowNoAttrs().OnElements(plain...)
	p.AllowAttrs("dir").Matching(direction).OnElements(plain...)
	p.AllowAttrs("lang").Matching(tag).OnElements(plain...)
	p.AllowAttrs("align", "valign").Matching(alignment).OnElements("p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "table", "tr", "td", "th", "thead", "tbody", "tfoot", "col", "colgroup", "caption")
	p.AllowAttrs("colspan", "rowspan", "span").Matching(upTo999).OnElements("td", "th", "col", "colgroup")
	p.AllowAttrs("start", "value").Matching(upTo9999).OnElements("ol", "li")
	p.AllowAttrs("type").Matching(listType).OnElements("ol", "ul", "li")
	p.AllowAttrs("title").Matching(words).OnElements("abbr", "acronym", "dfn")

	p.AllowAttrs("href").Matching(link).OnElements("a")
	p.AllowURLSchemes("http", "https", "mailto", "tel")
	p.AllowRelativeURLs(false)
	p.RequireParseableURLs(true)
	p.RequireNoFollowOnLinks(true)
	p.RequireNoReferrerOnLinks(true)
	p.AddTargetBlankToFullyQualifiedLinks(true) // and noopener

	p.AllowAttrs("src").Matching(picture).OnElements("img")
	// Schemes are for all elements alike: of a link, href's own expression leaves no data: over.
	p.AllowURLSchemeWithCustomPolicy("data", func(u *url.URL) bool { return picture.MatchString(u.String()) })
	p.AllowAttrs("alt").Matching(words).OnElements("img")
	p.AllowAttrs("width", "height").Matching(upTo9999).OnElements("img")
	return p
}
