-- +goose Up

-- A token is a sign-in of a browser, or one that the user made for programs, by name.
ALTER TABLE auth_tokens
    ADD COLUMN kind text NOT NULL DEFAULT 'sign-in' CHECK (kind IN ('sign-in', 'token')),
    ADD COLUMN name text NOT NULL DEFAULT '' CHECK (length(name) <= 100),
    -- May look, and change nothing.
    ADD COLUMN read_only boolean NOT NULL DEFAULT false;

-- What is told of a user's settings and layouts, so that another device sees that there is something new.
CREATE SEQUENCE account_versions;

CREATE TABLE user_settings (
    user_id    uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    version    bigint NOT NULL,
    data       jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- How a user has arranged a session: one value a field, the last writer of a field wins.
CREATE TABLE session_layouts (
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    version    bigint NOT NULL,
    data       jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session_id, user_id)
);
CREATE INDEX session_layouts_user_id ON session_layouts (user_id, version DESC);

-- A session that its owner has deleted can be brought back for a while; then it gets its deleted_at.
ALTER TABLE sessions ADD COLUMN trashed_at timestamptz;
CREATE INDEX sessions_trashed_at ON sessions (trashed_at) WHERE trashed_at IS NOT NULL AND deleted_at IS NULL;

-- +goose Down
DROP INDEX sessions_trashed_at;
ALTER TABLE sessions DROP COLUMN trashed_at;
DROP TABLE session_layouts, user_settings;
DROP SEQUENCE account_versions;
ALTER TABLE auth_tokens DROP COLUMN kind, DROP COLUMN name, DROP COLUMN read_only;
