// Package formpost reads the posts of HTML forms, for every door that takes them: those
// of the public form, of the JSON interface and of GeoReport.
//
// A post is evidence. Its bytes are kept exactly as they came, under a small MIME header
// that names the multipart boundary, and are parsed while they are being written away; a
// large file is never wholly in memory.
package formpost
