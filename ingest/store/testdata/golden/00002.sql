-- A scan, and a letter of its.
INSERT INTO layouts (submission_id, data) VALUES ('s1', CAST('not gzip, and nobody asks' AS BLOB));
INSERT INTO copies (submission_id, sha256, size, pages, pdfa, reason, made_at) VALUES ('s6', '', 0, 0, 0, 'the PDF has a password', 1772438400000000);
