package main

import (
	"context"
	"io"
	"strconv"
	"strings"
	"time"

	"saisine.fr/saisine/ingest"
	"saisine.fr/saisine/ingest/spreadsheet"
	"saisine.fr/saisine/ingest/store"
	"saisine.fr/saisine/ingest/view"
)

// The columns have the names that the JSON has, and keep them: programs go by these.

// requestColumns are those of a table of requests, with what stands in them.
var requestColumns = []struct {
	name string
	cell func(e store.Exported, zone *time.Location) string
}{
	{"reference", func(e store.Exported, _ *time.Location) string { return e.Request.Reference }},
	{"opened_at", func(e store.Exported, zone *time.Location) string { return view.Time(e.Request.OpenedAt, zone) }},
	{"channel", func(e store.Exported, _ *time.Location) string { return string(e.Channel) }},
	{"status", func(e store.Exported, _ *time.Location) string { return string(e.Request.Status) }},
	{"answered_at", func(e store.Exported, zone *time.Location) string { return view.Time(e.Request.AnsweredAt, zone) }},
	{"category", func(e store.Exported, _ *time.Location) string { return e.Request.Category }},
	{"service", func(e store.Exported, _ *time.Location) string { return e.Request.Service }},
	{"assignee", func(e store.Exported, _ *time.Location) string { return e.Assignee }},
	{"sender_name", func(e store.Exported, _ *time.Location) string { return e.Request.Sender.Name }},
	{"sender_email", func(e store.Exported, _ *time.Location) string { return e.Request.Sender.Email }},
	{"sender_phone", func(e store.Exported, _ *time.Location) string { return e.Request.Sender.Phone }},
	{"sender_address", func(e store.Exported, _ *time.Location) string { return e.Request.Sender.Address }},
	{"place", func(e store.Exported, _ *time.Location) string { return e.Request.Place }},
	{"subject", func(e store.Exported, _ *time.Location) string { return e.Request.Subject }},
	{"text", func(e store.Exported, _ *time.Location) string { return cellText(e.Request.Text) }},
	{"next_due", func(e store.Exported, zone *time.Location) string { return view.Time(e.NextDue, zone) }},
	{"next_rule", func(e store.Exported, _ *time.Location) string { return e.NextRule }},
	{"needs_review", func(e store.Exported, _ *time.Location) string { return yesNo(e.Request.NeedsReview) }},
	{"confidence", func(e store.Exported, _ *time.Location) string {
		return strconv.FormatFloat(e.Request.Confidence, 'f', 2, 64)
	}},
	{"category_by", func(e store.Exported, _ *time.Location) string { return e.Request.CategoryBy }},
	{"second_category", func(e store.Exported, _ *time.Location) string { return e.Request.SecondCategory }},
	{"procedure", func(e store.Exported, _ *time.Location) string { return e.Request.Procedure }},
	{"transmitted_to", func(e store.Exported, _ *time.Location) string { return e.Elsewhere }},
	{"urgent", func(e store.Exported, _ *time.Location) string { return strings.Join(e.Request.Urgent, ", ") }},
	{"submissions", func(e store.Exported, _ *time.Location) string { return strconv.Itoa(len(e.Request.Submissions)) }},
	{"mails", func(e store.Exported, _ *time.Location) string { return strconv.Itoa(len(e.Request.Mails)) }},
	{"merged_from", func(e store.Exported, _ *time.Location) string { return strings.Join(e.Request.MergedFrom, ", ") }},
}

// cellMax is what a cell of a spreadsheet holds (Excel specifications and limits).
const cellMax = 32_767

// cellText is a text that fits a cell, with a NUL in it that no program trips over.
func cellText(s string) string {
	s = strings.ReplaceAll(s, "\x00", "")
	runes := 0
	for i := range s {
		if runes++; runes >= cellMax-1 { // one for Harmless, one for the mark of the cut
			return s[:i] + "…"
		}
	}
	return s
}

func requestHeads() []string {
	heads := make([]string, len(requestColumns))
	for i, c := range requestColumns {
		heads[i] = c.name
	}
	return heads
}

func requestCells(e store.Exported, zone *time.Location) []string {
	cells := make([]string, len(requestColumns))
	for i, c := range requestColumns {
		cells[i] = c.cell(e, zone)
	}
	return cells
}

// requests writes the table of requests.
func (x *export) requests(ctx context.Context, w io.Writer, separator rune, marked bool) error {
	table, err := spreadsheet.NewWriter(w, separator, marked)
	if err != nil {
		return err
	}
	if err := table.Write(requestHeads()); err != nil {
		return err
	}
	err = x.frozen.Requests(ctx, x.filter, false, func(e store.Exported) error { return table.Write(requestCells(e, x.zone)) })
	if err != nil {
		return err
	}
	return table.Flush()
}

// submissionHeads are the columns of a table of submissions.
var submissionHeads = []string{
	"id", "channel", "account", "source_key", "received_at", "recorded_at", "state", "reason", "request", "link",
	"from_name", "from_email", "from_phone", "from_address", "subject", "message_id", "media_type", "size", "sha256", "file",
}

// submissionCells are those of a submission; file is the name of its original in the archive.
func submissionCells(rec ingest.Record, file string, zone *time.Location) []string {
	r := rec.Reading
	if r == nil {
		r = &ingest.Reading{}
	}
	return []string{
		rec.ID, string(rec.Channel), rec.Account, rec.SourceKey, view.Time(rec.ReceivedAt, zone), view.Time(rec.RecordedAt, zone),
		string(rec.State), rec.Reason, rec.Request, string(rec.Link), r.From.Name, r.From.Email, r.From.Phone, r.From.Address, cellText(r.Subject),
		r.MessageID, rec.MediaType, strconv.FormatInt(rec.Size, 10), rec.SHA256, file,
	}
}
