-- +goose Up

-- The chronological registers of mail: what came in (every submission that was filed) and
-- what a person sent out. A number is given once, in the transaction that causes it, and
-- never again; year is the town's year of the time.
CREATE TABLE register (
    direction     TEXT COLLATE "C"    NOT NULL CHECK (direction IN ('in', 'out')),
    year          INTEGER NOT NULL,
    number        INTEGER NOT NULL,
    at            BIGINT  NOT NULL,
    channel       TEXT COLLATE "C"    NOT NULL, -- of outgoing mail: mailbox, or scan for paper
    submission_id TEXT COLLATE "C"    UNIQUE REFERENCES submissions (id),
    mail_id       TEXT COLLATE "C"    UNIQUE REFERENCES mails (id),
    PRIMARY KEY (direction, year, number),
    CHECK ((direction = 'in') = (submission_id IS NOT NULL)),
    CHECK ((direction = 'out') = (mail_id IS NOT NULL))
);

-- What was filed and printed before gets its numbers when the store is opened next: the
-- town's year is not known here.
INSERT INTO settings (name, value) VALUES ('register/unnumbered', '1');

-- What an agent writes is sent once, however often its form is posted.
ALTER TABLE mails ADD COLUMN once TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE UNIQUE INDEX mails_once_key ON mails (once) WHERE once <> '';
