-- +goose Up

-- What submissions are compared by: buckets of a hash of their text, and hashes of who
-- wrote and of what is where. A bucket keeps its newest rows only.
CREATE TABLE match_keys (
    key BIGINT NOT NULL,
    doc BIGINT NOT NULL REFERENCES submissions (seq),
    PRIMARY KEY (key, doc)
);

-- What is compared, in the form of ingest/match; keys are those of match_keys, eight
-- bytes each, so that the rows can be found again.
CREATE TABLE match_docs (
    doc     BIGINT  NOT NULL PRIMARY KEY REFERENCES submissions (seq),
    summary BYTEA    NOT NULL,
    keys    BYTEA    NOT NULL
);

-- apart is no suggestion: a person has decided that the two are different matters.
ALTER TABLE suggestions ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT 'same' CHECK (kind IN ('same', 'neighbour', 'group', 'apart'));
CREATE INDEX suggestions_other ON suggestions (other_id, kind, score);

-- The submission that this one answers or repeats: what is moved takes its answers along.
ALTER TABLE submissions ADD COLUMN answers TEXT COLLATE "C" REFERENCES submissions (id);
CREATE INDEX submissions_answers ON submissions (answers) WHERE answers IS NOT NULL;

-- A request whose submissions were all moved into another one. Its reference stays good:
-- citizens have it in their letters.
ALTER TABLE requests ADD COLUMN merged_into BIGINT REFERENCES requests (id);
CREATE INDEX requests_merged ON requests (merged_into) WHERE merged_into IS NOT NULL;

-- What the classifier made of each submission, as JSON, and of a request the second
-- category and the words of danger.
ALTER TABLE readings ADD COLUMN classification TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN second_category TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN urgent TEXT COLLATE "C" NOT NULL DEFAULT '[]';
-- Set when a person has chosen or confirmed the category.
ALTER TABLE requests ADD COLUMN category_by TEXT COLLATE "C" NOT NULL DEFAULT '';

-- Set when a person has taken up what had been set aside: it is somebody's message, whatever
-- it looks like.
ALTER TABLE submissions ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
