-- The numbers that the daemon gave at its first start with this schema.
DELETE FROM settings WHERE name = 'register/unnumbered';
INSERT INTO register (direction, year, number, at, channel, submission_id, mail_id) SELECT 'in', 2026, 1, received_at, channel, id, NULL FROM submissions WHERE id = 's1';
INSERT INTO register (direction, year, number, at, channel, submission_id, mail_id) SELECT 'in', 2026, 2, received_at, channel, id, NULL FROM submissions WHERE id = 's2';
INSERT INTO register (direction, year, number, at, channel, submission_id, mail_id) SELECT 'in', 2026, 3, received_at, channel, id, NULL FROM submissions WHERE id = 's6';
INSERT INTO counters (name, value) VALUES ('register/in/2026', 3);
UPDATE mails SET once = 'form-1' WHERE id = 'm1';
