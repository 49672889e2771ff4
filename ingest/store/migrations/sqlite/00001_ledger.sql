-- +goose Up

-- Times are microseconds since 1970 in UTC: an integer sorts and compares alike in
-- SQLite and PostgreSQL, and keeps no time zone that could be read wrongly.

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE counters (
    name  TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

-- The bytes as received. content is NULL when they lie in a file named by the hash.
CREATE TABLE originals (
    sha256  TEXT   NOT NULL PRIMARY KEY,
    size    BIGINT NOT NULL,
    content BLOB
);

CREATE TABLE requests (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    reference    TEXT    NOT NULL UNIQUE,
    status       TEXT    NOT NULL CHECK (status IN ('new', 'assigned', 'in_progress', 'waiting_citizen', 'answered', 'closed')),
    category     TEXT    NOT NULL,
    service      TEXT    NOT NULL,
    confidence   REAL    NOT NULL,
    needs_review INTEGER NOT NULL,
    reasons      TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    body         TEXT    NOT NULL,
    sender_name    TEXT  NOT NULL,
    sender_email   TEXT  NOT NULL,
    sender_phone   TEXT  NOT NULL,
    sender_address TEXT  NOT NULL,
    place        TEXT    NOT NULL,
    opened_at    BIGINT  NOT NULL
);

-- The ledger. Rows are added and end once; none is ever deleted.
CREATE TABLE submissions (
    seq          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id           TEXT    NOT NULL UNIQUE,
    channel      TEXT    NOT NULL,
    account      TEXT    NOT NULL,
    source_key   TEXT    NOT NULL,
    epoch        TEXT    NOT NULL,
    received_at  BIGINT  NOT NULL,
    recorded_at  BIGINT  NOT NULL,
    sha256       TEXT    NOT NULL REFERENCES originals (sha256),
    size         BIGINT  NOT NULL,
    media_type   TEXT    NOT NULL,
    hints        TEXT    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('received', 'filed', 'set_aside', 'failed')),
    reason       TEXT    NOT NULL DEFAULT '',
    request_id   BIGINT  REFERENCES requests (id),
    link         TEXT    NOT NULL DEFAULT '' CHECK (link IN ('', 'opens', 'duplicate', 'follow_up')),
    attempt      INTEGER NOT NULL DEFAULT 0,
    acknowledged TEXT    NOT NULL DEFAULT '',
    UNIQUE (channel, account, source_key),
    CHECK ((state = 'filed') = (request_id IS NOT NULL)),
    CHECK ((state = 'filed') = (link <> '')),
    CHECK (state NOT IN ('set_aside', 'failed') OR reason <> '')
);
CREATE INDEX submissions_waiting ON submissions (seq) WHERE state = 'received';
CREATE INDEX submissions_failed ON submissions (seq) WHERE state = 'failed';
CREATE INDEX submissions_sha256 ON submissions (sha256);
CREATE INDEX submissions_request ON submissions (request_id) WHERE request_id IS NOT NULL;
-- A request is opened once: the database itself refuses a second opening.
CREATE UNIQUE INDEX submissions_opening ON submissions (request_id) WHERE link = 'opens';

-- Other names under which a source showed a submission again, after it renumbered
-- itself (a new UIDVALIDITY).
CREATE TABLE source_aliases (
    channel       TEXT NOT NULL,
    account       TEXT NOT NULL,
    source_key    TEXT NOT NULL,
    epoch         TEXT NOT NULL,
    submission_id TEXT NOT NULL REFERENCES submissions (id),
    PRIMARY KEY (channel, account, source_key)
);
CREATE INDEX source_aliases_submission ON source_aliases (submission_id, epoch);

-- What was read from an original; can be made again from it.
CREATE TABLE readings (
    submission_id  TEXT NOT NULL PRIMARY KEY REFERENCES submissions (id),
    kind           TEXT NOT NULL,
    subject        TEXT NOT NULL,
    body           TEXT NOT NULL,
    sender_name    TEXT NOT NULL,
    sender_email   TEXT NOT NULL,
    sender_phone   TEXT NOT NULL,
    sender_address TEXT NOT NULL,
    message_id     TEXT NOT NULL,
    text_key       TEXT NOT NULL,
    detail         TEXT NOT NULL
);
CREATE INDEX readings_message_id ON readings (message_id) WHERE message_id <> '';
CREATE INDEX readings_text_key ON readings (text_key) WHERE text_key <> '';

CREATE TABLE suggestions (
    request_id BIGINT NOT NULL REFERENCES requests (id),
    other_id   BIGINT NOT NULL REFERENCES requests (id),
    score      REAL   NOT NULL,
    why        TEXT   NOT NULL,
    PRIMARY KEY (request_id, other_id)
);

-- What happened, in order. Never changed.
CREATE TABLE events (
    seq           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at            BIGINT  NOT NULL,
    kind          TEXT    NOT NULL,
    actor         TEXT    NOT NULL,
    submission_id TEXT    REFERENCES submissions (id),
    request_id    BIGINT  REFERENCES requests (id),
    detail        TEXT    NOT NULL
);
CREATE INDEX events_submission ON events (submission_id) WHERE submission_id IS NOT NULL;
CREATE INDEX events_request ON events (request_id) WHERE request_id IS NOT NULL;

-- What is to leave the house. A row is written with what causes it, delivered at
-- least once, and its id is the idempotency key.
CREATE TABLE outbox (
    seq           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    id            TEXT    NOT NULL UNIQUE,
    kind          TEXT    NOT NULL,
    submission_id TEXT    REFERENCES submissions (id),
    request_id    BIGINT  REFERENCES requests (id),
    payload       TEXT    NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    reason        TEXT    NOT NULL DEFAULT '',
    attempt       INTEGER NOT NULL DEFAULT 0,
    created_at    BIGINT  NOT NULL,
    ended_at      BIGINT,
    CHECK (state <> 'failed' OR reason <> '')
);
CREATE INDEX outbox_pending ON outbox (seq) WHERE state = 'pending';
CREATE INDEX outbox_failed ON outbox (seq) WHERE state = 'failed';
