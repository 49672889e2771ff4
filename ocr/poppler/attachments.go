package poppler

import (
	"context"
	"strconv"
	"strings"
)

// Attachments returns the names of the files embedded in a PDF.
func (r Runner) Attachments(ctx context.Context, path string) ([]string, error) {
	out, err := r.run(ctx, "pdfdetach", "-list", "-enc", "UTF-8", path)
	if err != nil {
		return nil, err
	}
	return parseAttachments(out), nil
}

// parseAttachments reads the output of "pdfdetach -list": "2 embedded files", then
// "1: name" for each. A name comes from the file and may hold line ends; what does not
// begin with the next number is part of the name before.
func parseAttachments(out []byte) []string {
	var names []string
	for line := range strings.Lines(strings.ToValidUTF8(string(out), "\uFFFD")) {
		line = strings.TrimRight(line, "\r\n")
		if number, name, ok := strings.Cut(line, ": "); ok && number == strconv.Itoa(len(names)+1) {
			names = append(names, name)
		} else if len(names) > 0 {
			names[len(names)-1] += " " + line
		}
	}
	return names
}
