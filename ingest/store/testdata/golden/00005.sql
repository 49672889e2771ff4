UPDATE requests SET next_due = 1773302400000000, next_day = '2026-03-12', next_rule = 'AEE', next_article = 'CRPA R112-11-1' WHERE id = 1;
INSERT INTO agents (login, name, role, services, password, created_at) VALUES ('camille', 'Camille Étienne', 'administrator', '["voirie"]', '$argon2id$x', 1772438400000000);
INSERT INTO sessions (token, data, expiry) VALUES ('t', CAST('data' AS BLOB), 1772438400000000);
INSERT INTO access_log (seq, at, agent, what, detail) VALUES (1, 1772438400000000, 'camille', 'login', '{}');
INSERT INTO sealed_services (name, since) VALUES ('ccas', 1772438400000000);
INSERT INTO saved_views (agent, name, query) VALUES ('camille', 'Lampadaires', 'mots=lampadaire');
INSERT INTO town_texts (seq, kind, name, content, agent, note, at) VALUES (1, 'answer', 'bonjour', 'Bonjour,', 'camille', '', 1772438400000000);
INSERT INTO dealt_with (id, attempt, agent, at) VALUES ('s4', 0, 'camille', 1772438400000000);
