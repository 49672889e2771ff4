INSERT INTO api_keys (id, name, hash, scopes, created_at, created_by) VALUES ('k1', 'portail', 'aa', '["read"]', 1772438400000000, 'camille');
INSERT INTO webhooks_off (name, url, at, why) VALUES ('vieux', 'https://vieux.example/', 1772438400000000, '410 Gone');
INSERT INTO outbox (seq, id, kind, request_id, payload, state, created_at, ended_at) VALUES (3, 'h1', 'handover', 1, '{}', 'delivered', 1772438400000000, 1772438400000001);
INSERT INTO tries (seq, outbox_id, at, took, status, said) VALUES (1, 'h1', 1772438400000000, 1200, 201, 'créé');
INSERT INTO handovers (id, request_id, connector, created_at, begun_at, text_of, remote_id, handed_at) VALUES ('h1', 1, 'rt', 1772438400000000, 1772438400000000, 's1', '17', 1772438400000001);
INSERT INTO handed_pieces (handover_id, submission_id, at) VALUES ('h1', 's1', 1772438400000001), ('h1', 's2', 1772438400000001);
