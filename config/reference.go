package config

import (
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"saisine.fr/saisine/config/strictyaml"
)

const templateHead = `# Configuration of saisine. Every key is here with its default.
#
# Lines that begin with # and a space explain; lines that begin with # and a key are
# examples: take the # away to use them. Unknown keys are errors; saisine check-config
# lists every problem with its line. The environment overrides this file: data_dir is
# SAISINE_DATA_DIR, the host of the first mailbox SAISINE_CHANNELS_MAILBOX_0_HOST.
# Relative paths of files count from the folder of this file.
`

// lineWidth is where the comments of the template are broken.
const lineWidth = 96

// Reference returns the commented file that `saisine init` writes. It is made from the
// structs, their doc tags and the defaults, and loads as exactly those defaults.
func Reference() string {
	var b strings.Builder
	b.WriteString(templateHead)
	t := template{out: &b}
	t.fields(reflect.ValueOf(Default()), "", "", true)
	return b.String()
}

// WriteTemplate writes the commented file that `saisine init` makes.
func WriteTemplate(w io.Writer) error {
	if _, err := io.WriteString(w, Reference()); err != nil {
		return fmt.Errorf("config: write template: %w", err)
	}
	return nil
}

type template struct{ out *strings.Builder }

// comment writes text in lines that begin with lead and "# ".
func (t template) comment(lead, text string) {
	lead += "# "
	line := lead
	for word := range strings.FieldsSeq(text) {
		if len(line) > len(lead) && utf8.RuneCountInString(line)+utf8.RuneCountInString(word) > lineWidth {
			t.out.WriteString(strings.TrimRight(line, " ") + "\n")
			line = lead
		}
		line += word + " "
	}
	t.out.WriteString(strings.TrimRight(line, " ") + "\n")
}

// fields writes the keys of struct v. off begins each line of an example ("  #") and
// is "" for keys that count; indent is the YAML indent behind it.
func (t template) fields(v reflect.Value, off, indent string, top bool) {
	for _, f := range strictyaml.Fields(v.Type()) {
		if top {
			t.out.WriteString("\n")
		}
		t.field(f, v.Field(f.Index), off, indent)
	}
}

func (t template) field(f strictyaml.Field, v reflect.Value, off, indent string) {
	t.comment(off+indent, f.Tag.Get("doc"))
	switch {
	case f.Type.Kind() == reflect.Struct && !strictyaml.IsScalar(f.Type):
		fmt.Fprintf(t.out, "%s%s%s:\n", off, indent, f.Name)
		t.fields(v, off, indent+"  ", false)
	case f.Type.Kind() == reflect.Slice && !settable(f.Type):
		t.exampleList(f, off, indent)
	case f.Type.Kind() == reflect.Pointer:
		t.examplePointer(f, off, indent)
	default:
		text := f.Tag.Get("example")
		switch {
		case text == "" || off == "":
			text = yamlValue(v)
		case v.Kind() == reflect.Slice:
			text = "[" + quote(text) + "]"
		default:
			text = quote(text)
		}
		fmt.Fprintf(t.out, "%s%s%s: %s\n", off, indent, f.Name, text)
	}
}

// exampleList writes a list that is empty by default as one entry in comments.
func (t template) exampleList(f strictyaml.Field, off, indent string) {
	entry := withDefaults(f.Type.Elem()).Elem()
	lead := off + indent
	if off == "" {
		lead = indent + "#"
	}
	fmt.Fprintf(t.out, "%s%s:\n", lead, f.Name)
	var b strings.Builder
	template{out: &b}.fields(entry, lead, "    ", false)
	// The dash goes before the first key, which stands behind the comment about it.
	first := strictyaml.Fields(entry.Type())[0].Name + ":"
	t.out.WriteString(strings.Replace(b.String(), lead+"    "+first, lead+"  - "+first, 1))
}

// examplePointer writes an optional block in comments.
func (t template) examplePointer(f strictyaml.Field, off, indent string) {
	// Inside an example a second # keeps the block out when the example is taken in.
	lead := off + indent + "#"
	fmt.Fprintf(t.out, "%s%s:\n", lead, f.Name)
	t.fields(withDefaults(f.Type.Elem()).Elem(), lead, "  ", false)
}

// yamlValue writes a value as YAML on one line.
func yamlValue(v reflect.Value) string {
	if v.Kind() == reflect.Slice {
		words := make([]string, v.Len())
		for i := range words {
			words[i] = yamlValue(v.Index(i))
		}
		return "[" + strings.Join(words, ", ") + "]"
	}
	if v.Kind() == reflect.Map {
		return "{}" // none has a default
	}
	text := plainValue(v)
	if v.Kind() == reflect.String || text == "" {
		return quote(text)
	}
	return text
}

// plainValue writes a scalar value without quotes.
func plainValue(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case time.Duration:
		s := x.String()
		if strings.HasSuffix(s, "m0s") {
			s = strings.TrimSuffix(s, "0s")
		}
		if strings.HasSuffix(s, "h0m") {
			s = strings.TrimSuffix(s, "0m")
		}
		return s
	case time.Time:
		if x.IsZero() {
			return ""
		}
		return x.Format(time.RFC3339)
	default:
		return fmt.Sprint(x)
	}
}

// quote puts text in quotes where YAML needs them, or might in a reader's eyes.
func quote(s string) string {
	plain := s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("/._-@", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r < 0xC0
	})
	if !plain || strings.ContainsRune("0123456789._-@", rune(s[0])) || s == "true" || s == "false" || s == "null" {
		return strconv.Quote(s)
	}
	return s
}

const markdownHead = `# Configuration

<!-- Made from the code by ` + "`go test ./config -update`" + `; do not edit by hand. -->

` + "`saisine`" + ` reads one YAML file: the one that ` + "`--config`" + ` names, else ` + "`/etc/saisine/saisine.yaml`" + `, else
` + "`./saisine.yaml`" + `; when there is none it runs on the defaults. ` + "`saisine init`" + ` writes a commented file to start from.

- **Strict.** Unknown keys, wrong types and values that cannot work are errors. ` + "`saisine check-config`" + ` lists every
  problem as ` + "`file:line:column: key: message`" + ` and exits with 2; it touches no network. A key that is left out or left
  empty (` + "`key:`" + `) keeps its default; ` + "`\"\"`" + ` is an empty text.
- **Environment.** Each key has a variable that overrides the file, with an entry's number from 0 for lists
  (` + "`SAISINE_CHANNELS_MAILBOX_0_HOST`" + `); the number after the last one of the file makes a new entry. Lists of words are
  separated by commas, keys and values are written as ` + "`a=b,c=d`" + `. A ` + "`SAISINE_`" + ` variable that fits no key is an error, except ` + "`SAISINE_TEST_*`" + `, ` + "`SAISINE_CRASH_AT`" + `
  and ` + "`SAISINE_EVALUATION`" + `, which serve tests.
- **Secrets.** Each secret key can be given as a file instead (` + "`password_file`" + ` for ` + "`password`" + `): better, since the
  configuration can then be shown to anybody. The file holds the secret and nothing else; one line break at its end is
  dropped. ` + "`password_file: credential:NAME`" + ` is the credential NAME that systemd hands to the service (its unit loads
  every file of ` + "`/etc/saisine/credentials/`" + `, see [installation.md](installation.md#secrets)). ` + "`saisine`" + ` never prints secrets.
- **Paths.** Relative paths of files (` + "`…_file`, `tls_ca`, `categories`" + `) count from the folder of the configuration file;
  folders (` + "`data_dir`, `dir`" + `) are absolute.
- **Values.** Durations are written as ` + "`10s`, `5m`, `1h30m`" + `; sizes as ` + "`25MiB`, `500kB`" + ` (also ` + "`25Mio`, `500ko`" + `) or in bytes.
`

// ReferenceMarkdown returns the reference page of the documentation: one table for
// each block of the file, made from the same structs as Reference.
func ReferenceMarkdown() string {
	var b strings.Builder
	b.WriteString(markdownHead)
	markdownTable(&b, "The file", "", "SAISINE", reflect.ValueOf(Default()))
	return b.String()
}

func markdownTable(b *strings.Builder, title, path, variable string, v reflect.Value) {
	fmt.Fprintf(b, "\n## %s\n\n| key | default | variable | about |\n|---|---|---|---|\n", title)
	type block struct {
		title, path, variable string
		value                 reflect.Value
	}
	var blocks []block
	for _, f := range strictyaml.Fields(v.Type()) {
		name, env := strictyaml.Join(path, f.Name), variable+"_"+strings.ToUpper(f.Name)
		value, shownEnv := v.Field(f.Index), "`"+env+"`"
		var shown string
		switch {
		case settable(f.Type):
			shown = "`" + yamlValue(value) + "`"
		case f.Type.Kind() == reflect.Slice:
			shown, shownEnv = "none", ""
			blocks = append(blocks, block{name + "[]", name + "[]", env + "_N", withDefaults(f.Type.Elem()).Elem()})
		case f.Type.Kind() == reflect.Pointer:
			shown, shownEnv = "none", ""
			blocks = append(blocks, block{name, name, env, withDefaults(f.Type.Elem()).Elem()})
		default:
			shown, shownEnv = "see below", ""
			blocks = append(blocks, block{name, name, env, value})
		}
		doc := f.Tag.Get("doc")
		if f.Tag.Get("secret") != "" {
			doc += " Secret."
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", f.Name, shown, shownEnv, strings.ReplaceAll(doc, "|", `\|`))
	}
	for _, s := range blocks {
		markdownTable(b, "`"+s.title+"`", s.path, s.variable, s.value)
	}
}
