INSERT INTO leases (name, holder, fence, since) VALUES ('mailbox/sve', 'n1', 7, 1772438400000000);
INSERT INTO shared_models (number, name, chosen, content, at) VALUES (1, 'modele', 'x', CAST('model' AS BLOB), 1772438400000000);
