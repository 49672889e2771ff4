-- +goose Up

-- What the virus scan said of a submission (ingest.Verdict): its state ('' nobody has looked,
-- pending, clean, infected, unscannable), and the rest as JSON.
ALTER TABLE submissions ADD COLUMN virus_state TEXT NOT NULL DEFAULT '';
ALTER TABLE submissions ADD COLUMN virus TEXT NOT NULL DEFAULT '{}';
CREATE INDEX submissions_held ON submissions (seq) WHERE state = 'failed' AND virus_state <> '';
