package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// translator gives connections of pgx to which queries are put as translate writes them, and
// values as PostgreSQL takes them. So no query of the store has two forms.
type translator struct{ inner driver.Connector }

func newTranslator(cfg pgx.ConnConfig) translator { return translator{stdlib.GetConnector(cfg)} }

// Connect implements driver.Connector.
func (t translator) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := t.inner.Connect(ctx)
	if err != nil {
		return nil, err
	}
	pg, ok := c.(*stdlib.Conn)
	if !ok {
		return nil, errors.Join(errors.New("store: pgx gives another kind of connection"), c.Close())
	}
	return translated{pg}, nil
}

// Driver implements driver.Connector.
func (t translator) Driver() driver.Driver { return t.inner.Driver() }

// translated is one connection.
type translated struct{ *stdlib.Conn }

// translations remembers them: there are a few hundred queries in the program.
var translations sync.Map

func translation(query string) string {
	if t, ok := translations.Load(query); ok {
		return t.(string) //nolint:forcetypeassert // stored below
	}
	t := translate(query)
	translations.Store(query, t)
	return t
}

// Prepare implements driver.Conn.
func (c translated) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// PrepareContext implements driver.ConnPrepareContext.
func (c translated) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s, err := c.Conn.PrepareContext(ctx, translation(query))
	if err != nil {
		return nil, err
	}
	return statement{s}, nil
}

// ExecContext implements driver.ExecerContext.
func (c translated) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.Conn.ExecContext(ctx, translation(query), args)
}

// QueryContext implements driver.QueryerContext.
func (c translated) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return numeric(c.Conn.QueryContext(ctx, translation(query), args))
}

// statement is a prepared statement.
type statement struct{ driver.Stmt }

// ExecContext implements driver.StmtExecContext.
func (s statement) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args) //nolint:forcetypeassert // pgx's have it
}

// QueryContext implements driver.StmtQueryContext.
func (s statement) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return numeric(s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)) //nolint:forcetypeassert // pgx's have it
}

// truths gives truths as 0 and 1, as SQLite does: a query that asks x <> ” may be scanned
// into a number.
type truths struct{ driver.Rows }

func numeric(rows driver.Rows, err error) (driver.Rows, error) {
	if err != nil {
		return nil, err
	}
	return truths{rows}, nil
}

// Next implements driver.Rows.
func (n truths) Next(dest []driver.Value) error {
	err := n.Rows.Next(dest)
	for i, v := range dest {
		if b, ok := v.(bool); ok {
			dest[i] = number(b)
		}
	}
	return err
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// CheckNamedValue implements driver.NamedValueChecker. Truth is 0 or 1 in the schema, as in
// SQLite, and a text of PostgreSQL has no character 0 and is UTF-8.
func (c translated) CheckNamedValue(v *driver.NamedValue) error {
	switch x := v.Value.(type) {
	case bool:
		v.Value = number(x)
	case string:
		v.Value = storable(x)
	}
	return c.Conn.CheckNamedValue(v)
}

// storable replaces in a text what PostgreSQL refuses, in JSON also where it is escaped: the
// functions that read it would fail over it.
func storable(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	if (strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[")) && strings.Contains(s, `\u0000`) {
		s = withoutEscapedNull(s)
	}
	return s
}

// withoutEscapedNull replaces each \u0000 of a JSON text, but not the end of \\u0000.
func withoutEscapedNull(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		if strings.HasPrefix(s[i:], `\u0000`) {
			b.WriteString(`\ufffd`)
			i += len(`\u0000`) - 1
			continue
		}
		b.WriteString(s[i : i+2])
		i++
	}
	return b.String()
}
