-- +goose Up

-- Keys of other programs. The secret is kept nowhere: it has 256 random bits, so that its
-- plain hash gives nothing away.
CREATE TABLE api_keys (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    hash       TEXT    NOT NULL UNIQUE,
    scopes     TEXT    NOT NULL,
    services   TEXT    NOT NULL DEFAULT '[]', -- sealed ones that it sees
    rate_limit INTEGER NOT NULL DEFAULT 0,
    created_at BIGINT  NOT NULL,
    created_by TEXT    NOT NULL,
    used_at    BIGINT  NOT NULL DEFAULT 0,
    revoked_at BIGINT  NOT NULL DEFAULT 0
);
-- A name is the account of what comes by the key: it is given once while its key is good.
CREATE UNIQUE INDEX api_keys_name ON api_keys (name) WHERE revoked_at = 0;

-- Endpoints of webhooks that said 410 Gone, with the address that said so: another address
-- under the same name is another endpoint.
CREATE TABLE webhooks_off (
    name TEXT   NOT NULL PRIMARY KEY,
    url  TEXT   NOT NULL,
    at   BIGINT NOT NULL,
    why  TEXT   NOT NULL
);

-- Every try to bring a row of the outbox to another program's server.
CREATE TABLE tries (
    seq       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    outbox_id TEXT    NOT NULL REFERENCES outbox (id),
    at        BIGINT  NOT NULL,
    took      BIGINT  NOT NULL, -- microseconds
    status    INTEGER NOT NULL, -- of HTTP, or 0
    said      TEXT    NOT NULL  -- the answer's beginning, or the error
);
CREATE INDEX tries_outbox ON tries (outbox_id, seq);
CREATE INDEX outbox_webhooks ON outbox (seq) WHERE kind = 'webhook';

-- Requests that other software has taken over, or is to take over: id is also that of the row
-- in the outbox which brings it there, and what comes to the request later.
CREATE TABLE handovers (
    id            TEXT   NOT NULL PRIMARY KEY,
    request_id    BIGINT NOT NULL REFERENCES requests (id),
    connector     TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    begun_at      BIGINT NOT NULL DEFAULT 0,  -- the last try to make the case, or to add to it
    text_of       TEXT   NOT NULL DEFAULT '', -- the submission whose text the case was made with
    remote_id     TEXT   NOT NULL DEFAULT '',
    remote_url    TEXT   NOT NULL DEFAULT '',
    handed_at     BIGINT NOT NULL DEFAULT 0,
    remote_status TEXT   NOT NULL DEFAULT '',
    checked_at    BIGINT NOT NULL DEFAULT 0,
    trouble       TEXT   NOT NULL DEFAULT '', -- of the last look at its status, or ''
    UNIQUE (request_id, connector)
);
CREATE INDEX handovers_checked ON handovers (connector, checked_at) WHERE handed_at <> 0;

-- The submissions that the other side has, or will not take: those were brought by hand, or a
-- person has them tried again.
CREATE TABLE handed_pieces (
    handover_id   TEXT    NOT NULL REFERENCES handovers (id),
    submission_id TEXT    NOT NULL REFERENCES submissions (id),
    at            BIGINT  NOT NULL,
    refused       INTEGER NOT NULL DEFAULT 0, -- 1: will not be taken; 2: and a person has dealt with it
    PRIMARY KEY (handover_id, submission_id)
) WITHOUT ROWID;
