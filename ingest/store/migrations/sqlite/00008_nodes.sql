-- +goose Up

-- The processes of the house that share this database. beat grows while a node lives; the
-- others watch it by clocks of their own, and compare no times of two machines: those here
-- are for people.
CREATE TABLE nodes (
    id         TEXT   NOT NULL PRIMARY KEY,
    host       TEXT   NOT NULL,
    pid        BIGINT NOT NULL,
    place      TEXT   NOT NULL, -- of the machine's present run and its numbers of processes
    roles      TEXT   NOT NULL,
    version    TEXT   NOT NULL,
    beat       BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL
);

-- What one node does at a time. holder is '' where it was given back. fence grows with each
-- holder; what is written by an earlier one is refused. Rows are never deleted: a fence must
-- not begin anew.
CREATE TABLE leases (
    name   TEXT   NOT NULL PRIMARY KEY,
    holder TEXT   NOT NULL,
    fence  BIGINT NOT NULL,
    since  BIGINT NOT NULL
);

-- Models that were trained by one node, for the others: their own files, whole. The last row
-- has the one in use; chosen is the node's note of that.
CREATE TABLE shared_models (
    number  INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name    TEXT    NOT NULL,
    chosen  TEXT    NOT NULL,
    content BLOB    NOT NULL,
    at      BIGINT  NOT NULL
);
