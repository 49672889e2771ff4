package mailbox

import (
	"testing"
	"time"
)

func TestNaming(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		names        naming
		folder, want string
	}{
		{naming{"", '/'}, "Saisine/Traités", "Saisine/Traités"},
		{naming{"", '.'}, "Saisine/Traités", "Saisine.Traités"},
		{naming{"", 0}, "Saisine/Traités", "Saisine/Traités"},
		{naming{"INBOX.", '.'}, "Saisine/Traités", "INBOX.Saisine.Traités"},
		{naming{"INBOX.", '.'}, "INBOX.Saisine.Traités", "INBOX.Saisine.Traités"},
		{naming{"INBOX.", '.'}, "INBOX/Saisine", "INBOX.Saisine"},
		{naming{"INBOX.", '.'}, "inbox", "INBOX"},
		{naming{"INBOX/", '/'}, "Saisine/Échecs", "INBOX/Saisine/Échecs"},
	} {
		if got := tt.names.resolve(tt.folder); got != tt.want {
			t.Errorf("%+v: %q becomes %q, want %q", tt.names, tt.folder, got, tt.want)
		}
	}
}

func TestMebibytes(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		50 << 20: "50\u00a0Mio", 50<<20 + 1: "50,1\u00a0Mio", 1: "0,1\u00a0Mio", 3 << 19: "1,5\u00a0Mio",
	} {
		if got := mebibytes(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestReceivedAt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for in, want := range map[time.Time]time.Time{
		{}: now, now.Add(time.Second): now, now: now, now.Add(-time.Hour): now.Add(-time.Hour),
	} {
		if got := receivedAt(in, now); !got.Equal(want) {
			t.Errorf("%v: %v, want %v", in, got, want)
		}
	}
}
