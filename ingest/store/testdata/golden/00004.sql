-- A receipt that was sent; journal.hash is over the line and the hash before.
INSERT INTO mails (seq, id, kind, request_id, submission_id, recipient, detail, state, created_at, not_before, ended_at, message_id, sha256, content, answer)
    VALUES (1, 'm1', 'aee', 1, 's1', 'zoe@example.fr', '{}', 'sent', 1772438400000000, 1772438400000000, 1772438400000005, 'm1@mairie.example', '8aa201cfd8f1d76237ec7885e304b20bd6240145e2092a1eb0be9c22e086c78e', CAST('Votre demande 2026-000001 est enregistree.' AS BLOB), '250 2.0.0 Ok');
INSERT INTO journal (seq, at, kind, mail, sha256, detail, hash) VALUES (1, 1772438400000000, 'mail.made', 'm1', '8aa201cfd8f1d76237ec7885e304b20bd6240145e2092a1eb0be9c22e086c78e', '{}', 'f4f2c20c4d47a61faa9b54044a955094a8577a82265b0c23aea303c2289820ab');
INSERT INTO journal (seq, at, kind, mail, sha256, detail, hash) VALUES (2, 1772438400000005, 'mail.sent', 'm1', '', '{"answer":"250 2.0.0 Ok"}', '01e4a5b4f1de5859d9127ef5fd56fdc496a2b0618dbea89249774923bd8200af');
INSERT INTO deadlines (request_id, n, kind, due, day, rule, article, sense, who, done_at) VALUES (1, 1, 'are', 1773302400000000, '2026-03-12', 'AEE', 'CRPA R112-11-1', '', 'town', 0);
INSERT INTO asked_pieces (request_id, at, until, pieces) VALUES (2, 1772438400000000, '2026-04-02', '["justificatif"]');
INSERT INTO reminders (request_id, step, at) VALUES (1, 'before', 1772438400000000);
