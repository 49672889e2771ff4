-- +goose Up

-- Which submissions were made from which: a letter from the scan that it was in, a
-- stack from the scans of its fronts and of its backs.
CREATE TABLE descent (
    child_id  TEXT COLLATE "C" NOT NULL REFERENCES submissions (id),
    parent_id TEXT COLLATE "C" NOT NULL REFERENCES submissions (id),
    PRIMARY KEY (child_id, parent_id)
);
CREATE INDEX descent_parent ON descent (parent_id);

-- Where the words of the recognised pages stand: JSON, compressed by gzip. A part of
-- the reading, kept apart since only the searchable copy and the desk look at it.
CREATE TABLE layouts (
    submission_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES submissions (id),
    data          BYTEA NOT NULL
);

-- The searchable copies, made from the originals and readings. sha256 is '' where none
-- can be made, and reason says why.
CREATE TABLE copies (
    submission_id TEXT COLLATE "C"    NOT NULL PRIMARY KEY REFERENCES submissions (id),
    sha256        TEXT COLLATE "C"    NOT NULL,
    size          BIGINT  NOT NULL,
    pages         INTEGER NOT NULL,
    pdfa          INTEGER NOT NULL,
    reason        TEXT COLLATE "C"    NOT NULL,
    made_at       BIGINT  NOT NULL,
    CHECK (sha256 <> '' OR reason <> '')
);
CREATE INDEX copies_sha256 ON copies (sha256) WHERE sha256 <> '';

-- The scans of one side of a stack, of which few are of interest at a time.
CREATE INDEX submissions_sides ON submissions (channel, account, received_at) WHERE hints LIKE '%"two_sided":true%';
