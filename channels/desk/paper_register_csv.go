package desk

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/spreadsheet"
)

// csvFlush is how many lines are gathered before they are sent.
const csvFlush = 200

// WriteRegister writes the lines of a register for a spreadsheet, as the desk gives it: in
// French, with the columns that the page has. lines calls its argument for each of them.
func WriteRegister(out io.Writer, direction ingest.Direction, separator rune, zone *time.Location, lines func(func(ingest.RegisterLine) error) error) error {
	t := tongue{lang: french, p: message.NewPrinter(language.French), zone: zone} // the keys are the French
	return writeRegister(out, t, registerForm{RegisterQuery: RegisterQuery{Direction: direction}}, separator, lines)
}

func writeRegister(out io.Writer, t tongue, form registerForm, separator rune, lines func(func(ingest.RegisterLine) error) error) error {
	var buffer bytes.Buffer
	table, err := spreadsheet.NewWriter(&buffer, separator, true)
	if err != nil {
		return err
	}
	flush := func() error {
		if err := table.Flush(); err != nil {
			return err
		}
		if _, err := buffer.WriteTo(out); err != nil {
			return fmt.Errorf("desk: register: %w", err)
		}
		return nil
	}
	var heads []string
	for _, column := range registerColumns(t, form) {
		heads = append(heads, column.Title)
	}
	if err := table.Write(heads); err != nil {
		return err
	}
	n := 0
	err = lines(func(l ingest.RegisterLine) error {
		if err := table.Write(registerCells(t, form, l)); err != nil {
			return err
		}
		if n++; n%csvFlush == 0 {
			return flush()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}
