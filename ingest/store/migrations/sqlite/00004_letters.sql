-- +goose Up

-- What the town writes: receipts, notices, reminders, letters to print. The bytes are made
-- once, before the first try, so that each further try sends the same.
CREATE TABLE mails (
    seq           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id            TEXT    NOT NULL UNIQUE, -- also of its outbox row, where it is sent
    kind          TEXT    NOT NULL,
    request_id    BIGINT  REFERENCES requests (id),
    submission_id TEXT    REFERENCES submissions (id),
    recipient     TEXT    NOT NULL, -- in small letters
    detail        TEXT    NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('queued', 'sent', 'failed', 'bounced', 'withheld', 'to_print', 'printed')),
    reason        TEXT    NOT NULL DEFAULT '',
    created_at    BIGINT  NOT NULL,
    not_before    BIGINT  NOT NULL,
    ended_at      BIGINT,
    message_id    TEXT    NOT NULL DEFAULT '',
    sha256        TEXT    NOT NULL DEFAULT '',
    content       BLOB,
    answer        TEXT    NOT NULL DEFAULT '',
    CHECK (state NOT IN ('withheld', 'failed', 'bounced') OR reason <> ''),
    CHECK (state NOT IN ('sent', 'bounced', 'printed') OR content IS NOT NULL)
);
-- A submission is acknowledged once in each way: the database itself refuses a second one.
CREATE UNIQUE INDEX mails_once ON mails (submission_id, kind) WHERE kind IN ('aee', 'are', 'joined', 'paper');
CREATE INDEX mails_request ON mails (request_id) WHERE request_id IS NOT NULL;
CREATE UNIQUE INDEX mails_message_id ON mails (message_id) WHERE message_id <> '';
CREATE INDEX mails_recipient ON mails (recipient, created_at) WHERE recipient <> '';
CREATE INDEX mails_state ON mails (state, seq) WHERE state IN ('failed', 'bounced', 'to_print');

-- The evidence of it: each line names the hash of the one before, so that none can be
-- changed or taken out without the next ones telling.
CREATE TABLE journal (
    seq    INTEGER NOT NULL PRIMARY KEY,
    at     BIGINT  NOT NULL,
    kind   TEXT    NOT NULL,
    mail   TEXT    NOT NULL REFERENCES mails (id),
    sha256 TEXT    NOT NULL, -- of the bytes concerned, or ''
    detail TEXT    NOT NULL,
    hash   TEXT    NOT NULL
);
CREATE INDEX journal_mail ON journal (mail);
-- +goose StatementBegin
CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
-- +goose StatementEnd

-- Until when the town owes what: computed anew, in the same transaction, whenever
-- something happens to the request.
CREATE TABLE deadlines (
    request_id BIGINT  NOT NULL REFERENCES requests (id),
    n          INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    due        BIGINT  NOT NULL, -- 0 while none is set
    day        TEXT    NOT NULL,
    rule       TEXT    NOT NULL,
    article    TEXT    NOT NULL,
    sense      TEXT    NOT NULL,
    who        TEXT    NOT NULL,
    done_at    BIGINT  NOT NULL, -- 0 while open
    PRIMARY KEY (request_id, n)
) WITHOUT ROWID;
CREATE INDEX deadlines_open ON deadlines (due) WHERE done_at = 0 AND due <> 0;

-- Demands for missing pieces (CRPA L114-5).
CREATE TABLE asked_pieces (
    seq        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    request_id BIGINT  NOT NULL REFERENCES requests (id),
    at         BIGINT  NOT NULL,
    until      TEXT    NOT NULL,
    pieces     TEXT    NOT NULL,
    came_at    BIGINT  NOT NULL DEFAULT 0
);
CREATE INDEX asked_pieces_request ON asked_pieces (request_id);

ALTER TABLE requests ADD COLUMN answered_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE requests ADD COLUMN procedure TEXT NOT NULL DEFAULT '';
-- Another administration that got it first, or that is competent for it (CRPA L114-2).
ALTER TABLE requests ADD COLUMN first_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE requests ADD COLUMN elsewhere TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN competent_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX requests_open ON requests (id) WHERE status NOT IN ('answered', 'closed') AND merged_into IS NULL;

-- Why mail rules forbid an automatic answer to it (RFC 3834), or ''.
ALTER TABLE readings ADD COLUMN no_reply TEXT NOT NULL DEFAULT '';

-- Raised when the follow-up link is revoked: links of an earlier generation are worth nothing.
ALTER TABLE submissions ADD COLUMN link_generation INTEGER NOT NULL DEFAULT 0;

-- Reminders that were given, each once.
CREATE TABLE reminders (
    request_id BIGINT NOT NULL REFERENCES requests (id),
    step       TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (request_id, step)
) WITHOUT ROWID;
