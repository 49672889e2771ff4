-- +goose Up

-- What lists show and sort by, kept with the request: by which channel its opening came, who
-- has it, and the next open deadline of the town (next_due 0: none).
ALTER TABLE requests ADD COLUMN channel TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN assignee TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN next_due BIGINT NOT NULL DEFAULT 0;
ALTER TABLE requests ADD COLUMN next_day TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN next_rule TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN next_article TEXT NOT NULL DEFAULT '';
UPDATE requests SET channel = coalesce((SELECT s.channel FROM submissions s WHERE s.request_id = requests.id AND s.link = 'opens'), '');
UPDATE requests SET (next_due, next_day, next_rule, next_article) =
    (SELECT d.due, d.day, d.rule, d.article FROM deadlines d WHERE d.request_id = requests.id AND d.done_at = 0 AND d.due <> 0 AND d.who = 'town' ORDER BY d.due, d.n LIMIT 1)
    WHERE status NOT IN ('answered', 'closed') AND merged_into IS NULL
    AND EXISTS (SELECT 1 FROM deadlines d WHERE d.request_id = requests.id AND d.done_at = 0 AND d.due <> 0 AND d.who = 'town');

-- Pairs of requests that may be the same matter, both ways, neither of them merged, as far
-- as no person has decided; twins is set where there is one.
CREATE TABLE twins (
    request_id BIGINT NOT NULL REFERENCES requests (id),
    other_id   BIGINT NOT NULL REFERENCES requests (id),
    PRIMARY KEY (request_id, other_id)
) WITHOUT ROWID;
ALTER TABLE requests ADD COLUMN twins INTEGER NOT NULL DEFAULT 0;
WITH live AS (
    SELECT coalesce(a.merged_into, a.id) AS one, coalesce(b.merged_into, b.id) AS other, g.kind
    FROM suggestions g JOIN requests a ON a.id = g.request_id JOIN requests b ON b.id = g.other_id WHERE g.kind IN ('same', 'apart')
), pairs AS (
    SELECT one, other, kind FROM live WHERE one <> other UNION SELECT other, one, kind FROM live WHERE one <> other
)
INSERT INTO twins (request_id, other_id)
    SELECT one, other FROM pairs WHERE kind = 'same' EXCEPT SELECT one, other FROM pairs WHERE kind = 'apart';
UPDATE requests SET twins = 1 WHERE id IN (SELECT request_id FROM twins);

-- The lists go through one of these, in its order; each holds all that a filter asks for, so
-- that a list never reads the rows, which are as long as their texts. next_due, which changes
-- with every act, is in the last two only.
CREATE INDEX lists_all ON requests (opened_at, id, status, service, category, channel, assignee, needs_review, urgent, twins, merged_into)
    WHERE merged_into IS NULL;
CREATE INDEX lists_open ON requests (opened_at, id, status, service, category, channel, assignee, needs_review, urgent, twins, merged_into)
    WHERE merged_into IS NULL AND status NOT IN ('answered', 'closed');
CREATE INDEX lists_review ON requests (opened_at, id, status, service, category, channel, assignee, needs_review, urgent, twins, merged_into)
    WHERE merged_into IS NULL AND needs_review = 1;
CREATE INDEX lists_twins ON requests (opened_at, id, status, service, category, channel, assignee, needs_review, urgent, twins, merged_into)
    WHERE merged_into IS NULL AND twins = 1;
CREATE INDEX lists_urgent ON requests (opened_at, id, status, service, category, channel, assignee, needs_review, urgent, twins, merged_into)
    WHERE merged_into IS NULL AND urgent <> '[]';
CREATE INDEX lists_due ON requests (next_due, id, opened_at, status, service, category, channel, assignee, needs_review, urgent, twins, merged_into)
    WHERE merged_into IS NULL;
CREATE INDEX lists_key ON requests (id, next_due, opened_at, status, service, category, channel, assignee, needs_review, urgent, twins, merged_into);
CREATE INDEX search_docs ON submissions (seq, request_id) WHERE request_id IS NOT NULL;

-- The words of everything, stems without accents (see searchwords.go): a row for each
-- submission in a request under its seq, and one for what people wrote in a request under
-- its negative id. The texts themselves are not kept a second time. detail stays full,
-- since words beside each other are searched for.
CREATE VIRTUAL TABLE search USING fts5 (words, content = '', contentless_delete = 1, tokenize = 'ascii');

-- The agents of the desk.
CREATE TABLE agents (
    login      TEXT    NOT NULL PRIMARY KEY, -- in small letters
    name       TEXT    NOT NULL,
    title      TEXT    NOT NULL DEFAULT '',
    email      TEXT    NOT NULL DEFAULT '',
    role       TEXT    NOT NULL CHECK (role IN ('reader', 'agent', 'manager', 'administrator')),
    services   TEXT    NOT NULL DEFAULT '[]',
    language   TEXT    NOT NULL DEFAULT 'fr',
    password   TEXT    NOT NULL DEFAULT '', -- argon2id, in its PHC form
    -- A one-time password is good until then, and for choosing another one; 0: it is none.
    one_time   BIGINT  NOT NULL DEFAULT 0,
    totp       TEXT    NOT NULL DEFAULT '', -- encrypted with a key of the settings
    totp_step  BIGINT  NOT NULL DEFAULT 0, -- of the last code taken: none is good twice
    subject    TEXT    NOT NULL DEFAULT '', -- OpenID Connect: issuer, space, sub
    disabled   INTEGER NOT NULL DEFAULT 0,
    -- Raised when the password, the role or the services change: sessions of before end.
    generation INTEGER NOT NULL DEFAULT 0,
    created_at BIGINT  NOT NULL,
    seen_at    BIGINT  NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX agents_subject ON agents (subject) WHERE subject <> '';

-- Their sessions; token is a hash of what the cookie holds.
CREATE TABLE sessions (
    token  TEXT   NOT NULL PRIMARY KEY,
    data   BLOB   NOT NULL,
    expiry BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_expiry ON sessions (expiry);

-- Who read what of a sealed service, and who came in.
CREATE TABLE access_log (
    seq    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at     BIGINT  NOT NULL,
    agent  TEXT    NOT NULL,
    what   TEXT    NOT NULL,
    detail TEXT    NOT NULL,
    service TEXT   NOT NULL DEFAULT '' -- the sealed one of what was read: who is outside does not see the line
);
CREATE INDEX access_log_at ON access_log (at);

-- Services that are sealed. One that the categories file no longer names stays sealed: its
-- requests are still there.
CREATE TABLE sealed_services (
    name  TEXT   NOT NULL PRIMARY KEY,
    since BIGINT NOT NULL
);

-- Filters that agents keep.
CREATE TABLE saved_views (
    agent TEXT NOT NULL,
    name  TEXT NOT NULL,
    query TEXT NOT NULL,
    PRIMARY KEY (agent, name)
) WITHOUT ROWID;

-- Texts of the town that were changed in the desk: every version. The newest of a kind and
-- name is in force; an empty one gives way to the file or the built-in text.
CREATE TABLE town_texts (
    seq     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind    TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    content TEXT    NOT NULL,
    agent   TEXT    NOT NULL,
    note    TEXT    NOT NULL,
    at      BIGINT  NOT NULL
);
CREATE INDEX town_texts_name ON town_texts (kind, name, seq);

-- Who wrote or called before: by the end of a phone number, which is the same however its
-- beginning is written, and by the words of a name, whatever their accents.
CREATE INDEX requests_phone ON requests (substr(replace(replace(replace(replace(sender_phone, ' ', ''), '.', ''), '-', ''), '/', ''), -9)) WHERE sender_phone <> '';
CREATE VIRTUAL TABLE requests_senders USING fts5(sender_name, content = 'requests', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3');
INSERT INTO requests_senders (rowid, sender_name) SELECT id, sender_name FROM requests;
-- +goose StatementBegin
CREATE TRIGGER requests_senders_insert AFTER INSERT ON requests BEGIN
    INSERT INTO requests_senders (rowid, sender_name) VALUES (new.id, new.sender_name);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER requests_senders_update AFTER UPDATE OF sender_name ON requests WHEN old.sender_name <> new.sender_name BEGIN
    INSERT INTO requests_senders (requests_senders, rowid, sender_name) VALUES ('delete', old.id, old.sender_name);
    INSERT INTO requests_senders (rowid, sender_name) VALUES (new.id, new.sender_name);
END;
-- +goose StatementEnd

-- What failed and a person has dealt with elsewhere: it is no longer listed, until it is tried
-- again and fails anew (attempt). id is that of a submission, a delivery or a mail.
CREATE TABLE dealt_with (
    id      TEXT    NOT NULL,
    attempt INTEGER NOT NULL,
    agent   TEXT    NOT NULL,
    at      BIGINT  NOT NULL,
    PRIMARY KEY (id, attempt)
) WITHOUT ROWID;
CREATE INDEX submissions_aside ON submissions (seq) WHERE state = 'set_aside';
CREATE INDEX mails_undelivered ON mails (seq) WHERE state IN ('failed', 'bounced');
CREATE INDEX mails_withheld ON mails (seq) WHERE state = 'withheld';

-- The figures are counted from these alone.
CREATE INDEX requests_figures ON requests (opened_at, service, category, channel) WHERE merged_into IS NULL;
CREATE INDEX requests_answered ON requests (answered_at, service, opened_at) WHERE answered_at <> 0 AND merged_into IS NULL;
CREATE INDEX requests_checked ON requests (opened_at, service) WHERE category_by <> '' AND merged_into IS NULL;
