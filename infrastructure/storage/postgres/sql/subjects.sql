-- subject_key: That of a subject, by its name.
SELECT id, subject, wrapped, made_at FROM flowledger_subject_keys WHERE subject = :subject

-- subject_key_by_id: One, by its id.
SELECT id, subject, wrapped, made_at FROM flowledger_subject_keys WHERE id = :id

-- subject_keys: Some of them, by their ids, in that order.
SELECT id, subject, wrapped, made_at FROM flowledger_subject_keys WHERE id > :after ORDER BY id LIMIT :rows

-- add_subject_key: Enter a new one; nothing happens where the subject has one.
INSERT INTO flowledger_subject_keys (id, subject, wrapped, made_at) VALUES (:id, :subject, :wrapped, :made_at)
ON CONFLICT DO NOTHING

-- rewrap_subject_key: It is wrapped by another master key now.
UPDATE flowledger_subject_keys SET wrapped = :wrapped WHERE id = :id AND wrapped = :before

-- overwrite_subject_key: Nothing is left of a key that is destroyed.
UPDATE flowledger_subject_keys SET wrapped = :nothing, subject = :id WHERE id = :id

-- delete_subject_key: Nor a row.
DELETE FROM flowledger_subject_keys WHERE id = :id
