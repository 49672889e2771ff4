INSERT INTO match_keys (key, doc) VALUES (-42, 1), (42, 6);
INSERT INTO match_docs (doc, summary, keys) VALUES (1, CAST('summary' AS BLOB), CAST('12345678' AS BLOB));
UPDATE suggestions SET kind = 'neighbour';
UPDATE submissions SET answers = 's1' WHERE id = 's2';
UPDATE requests SET urgent = '["fuite de gaz"]' WHERE id = 1;
