UPDATE submissions SET virus_state = 'clean' WHERE id = 's1';
