INSERT INTO elimination_holds (request_id, because, actor, at) VALUES (1, 'contentieux', 'camille', 1772438400000000);
