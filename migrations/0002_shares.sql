-- +goose Up

-- What owners let others use. A row is good until it expires or is revoked; revoked ones are deleted, and the audit log
-- remembers them.
CREATE TABLE shares (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    session_id  uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    -- NULL: the whole workspace.
    terminal    text CHECK (length(terminal) BETWEEN 1 AND 64),
    mode        text NOT NULL CHECK (mode IN ('view', 'write')),
    -- Either a user whom the owner named, or the SHA-256 of a link's token.
    user_id     uuid REFERENCES users ON DELETE CASCADE,
    token_hash  bytea UNIQUE CHECK (length(token_hash) = 32),
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    CHECK ((user_id IS NULL) <> (token_hash IS NULL))
);
CREATE INDEX shares_session_id ON shares (session_id);
CREATE INDEX shares_user_id ON shares (user_id);
CREATE INDEX shares_expires_at ON shares (expires_at);

-- Who has them: the user that was named, or those who have accepted the link.
CREATE TABLE share_guests (
    share_id    uuid NOT NULL REFERENCES shares ON DELETE CASCADE,
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    accepted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (share_id, user_id)
);
CREATE INDEX share_guests_user_id ON share_guests (user_id);

-- +goose Down
DROP TABLE share_guests, shares;
