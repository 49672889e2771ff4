-- +goose Up

-- Elimination lists (bordereaux d'élimination): what is proposed, what an administrator has
-- approved, and what became of it. sha256 is over the list's content as it was shown.
CREATE TABLE eliminations (
    number      BIGINT  NOT NULL PRIMARY KEY,
    sha256      TEXT COLLATE "C"    NOT NULL,
    proposed_at BIGINT  NOT NULL,
    state       TEXT COLLATE "C"    NOT NULL CHECK (state IN ('proposed', 'approved', 'executed')),
    approved_at BIGINT  NOT NULL DEFAULT 0,
    approved_by TEXT COLLATE "C"    NOT NULL DEFAULT '', -- the login of an administrator
    visa        TEXT COLLATE "C"    NOT NULL DEFAULT '', -- of the Archives départementales (code du patrimoine R212-14)
    executed_at BIGINT  NOT NULL DEFAULT 0,
    CHECK (state = 'proposed' OR approved_at <> 0 AND approved_by <> '')
);

-- The lines of a list. No column holds anything that names or describes a person. digest is
-- of what the line stands for: when it is another one at the time of elimination, the line is
-- left out. tombstone is what a restored store knows it by, JSON.
CREATE TABLE elimination_lines (
    elimination BIGINT  NOT NULL REFERENCES eliminations (number),
    line        INTEGER NOT NULL,
    kind        TEXT COLLATE "C"    NOT NULL CHECK (kind IN ('request', 'set_aside', 'failed', 'scan')),
    subject     TEXT COLLATE "C"    NOT NULL, -- the reference, or the id of the submission
    category    TEXT COLLATE "C"    NOT NULL,
    rule        TEXT COLLATE "C"    NOT NULL,
    opened_at   BIGINT  NOT NULL,
    closed_at   BIGINT  NOT NULL,
    over_at     BIGINT  NOT NULL, -- since when its time is over
    pieces      INTEGER NOT NULL,
    bytes       BIGINT  NOT NULL,
    digest      TEXT COLLATE "C"    NOT NULL,
    state       TEXT COLLATE "C"    NOT NULL DEFAULT 'listed' CHECK (state IN ('listed', 'left_out', 'wiped', 'done')),
    why         TEXT COLLATE "C"    NOT NULL DEFAULT '', -- it was left out
    done_at     BIGINT  NOT NULL DEFAULT 0,
    tombstone   TEXT COLLATE "C"    NOT NULL DEFAULT '',
    PRIMARY KEY (elimination, line),
    CHECK (state <> 'left_out' OR why <> '')
);
CREATE INDEX elimination_lines_subject ON elimination_lines (subject);

-- Requests that must not be eliminated for now (a lawsuit, an inquiry).
CREATE TABLE elimination_holds (
    request_id BIGINT NOT NULL PRIMARY KEY REFERENCES requests (id),
    because    TEXT COLLATE "C"   NOT NULL,
    actor      TEXT COLLATE "C"   NOT NULL,
    at         BIGINT NOT NULL
);

-- What was eliminated keeps its row, without anything about a person: 0 = it was not. elimination
-- is the list's number, and no reference: what another store has eliminated has no list here.
ALTER TABLE requests ADD COLUMN eliminated_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE requests ADD COLUMN elimination BIGINT NOT NULL DEFAULT 0;
ALTER TABLE submissions ADD COLUMN eliminated_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE submissions ADD COLUMN elimination BIGINT NOT NULL DEFAULT 0;
ALTER TABLE mails ADD COLUMN eliminated_at BIGINT NOT NULL DEFAULT 0;
-- Its bytes are gone, and its hash is kept: the same bytes are known when they come again.
ALTER TABLE originals ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
CREATE INDEX submissions_eliminated ON submissions (seq) WHERE eliminated_at <> 0;
CREATE INDEX requests_eliminated ON requests (id) WHERE eliminated_at <> 0;

-- What belongs to one request is found without reading everything.
CREATE INDEX outbox_request ON outbox (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX outbox_submission ON outbox (submission_id) WHERE submission_id IS NOT NULL;
CREATE INDEX mails_submission ON mails (submission_id) WHERE submission_id IS NOT NULL;
CREATE INDEX events_house ON events (seq) WHERE request_id IS NULL AND submission_id IS NULL;
CREATE INDEX mails_house ON mails (seq) WHERE request_id IS NULL AND submission_id IS NULL;

-- The journal is also that of eliminations, which are about no mail; and the detail of a line,
-- where a mail server may have named somebody, can be taken out: the line that says so has
-- the hash of what is left of it.
ALTER TABLE journal ALTER COLUMN mail DROP NOT NULL;
DROP INDEX journal_mail;
CREATE INDEX journal_mail ON journal (mail) WHERE mail IS NOT NULL;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION journal_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'UPDATE' AND new.seq = old.seq AND new.at = old.at AND new.kind = old.kind AND new.mail IS NOT DISTINCT FROM old.mail AND new.sha256 = old.sha256
        AND new.hash = old.hash AND new.detail = '' AND old.kind LIKE 'mail.%' AND old.kind <> 'mail.eliminated' THEN
        RETURN new;
    END IF;
    RAISE EXCEPTION 'the journal is only added to';
END $$;
-- +goose StatementEnd
