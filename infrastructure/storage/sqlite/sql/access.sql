-- add_token: Enter a token; nothing happens where one of its name is in use.
INSERT INTO flowledger_tokens (digest, name, role, made_by, made_at, expires_at)
VALUES (:digest, :name, :role, :made_by, :made_at, :expires_at)
ON CONFLICT DO NOTHING

-- tokens: All of them, those first that were made first.
SELECT digest, name, role, made_by, made_at, expires_at, used_at, revoked_by, revoked_at
FROM flowledger_tokens ORDER BY made_at, name, digest

-- token: One, by the digest of what its owner shows.
SELECT digest, name, role, made_by, made_at, expires_at, used_at, revoked_by, revoked_at
FROM flowledger_tokens WHERE digest = :digest

-- use_token: It was used, which is written down now and then.
UPDATE flowledger_tokens SET used_at = :now WHERE digest = :digest AND (used_at IS NULL OR used_at < :before)

-- revoke_token: Take it back.
UPDATE flowledger_tokens SET revoked_at = :now, revoked_by = :by WHERE digest = :digest AND revoked_at IS NULL

-- begin_session: Somebody has signed in.
INSERT INTO flowledger_sessions (digest, token_digest, begun_at, ends_at)
VALUES (:digest, :token_digest, :now, :ends_at)

-- session: The token with which a session that hasn't ended was begun.
SELECT token.digest, token.name, token.role, token.made_by, token.made_at, token.expires_at, token.used_at, token.revoked_by, token.revoked_at
FROM flowledger_sessions AS session JOIN flowledger_tokens AS token ON token.digest = session.token_digest
WHERE session.digest = :digest AND session.ends_at > :now

-- end_session: Somebody has signed out.
DELETE FROM flowledger_sessions WHERE digest = :digest

-- forget_sessions: Forget those that have ended.
DELETE FROM flowledger_sessions WHERE ends_at <= :now
