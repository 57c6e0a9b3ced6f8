-- +goose Up

-- Users. Names and addresses are unique without regard to case.
CREATE TABLE users (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    username      text NOT NULL CHECK (length(username) BETWEEN 1 AND 64),
    email         text NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_username_key ON users (lower(username));
CREATE UNIQUE INDEX users_email_key ON users (lower(email));

-- Sign-ins. Only the SHA-256 of a token is kept.
CREATE TABLE auth_tokens (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    token_hash   bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    user_agent   text NOT NULL DEFAULT '',
    remote_addr  text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL
);
CREATE INDEX auth_tokens_user_id ON auth_tokens (user_id);
CREATE INDEX auth_tokens_expires_at ON auth_tokens (expires_at);

CREATE TABLE sessions (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id          uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name             text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    -- The environment: where it is, why, since when, and whether it shall run.
    phase            text NOT NULL DEFAULT 'stopped'
                     CHECK (phase IN ('stopped', 'starting', 'restoring', 'ready', 'stopping', 'failed')),
    phase_reason     text NOT NULL DEFAULT '',
    phase_since      timestamptz NOT NULL DEFAULT now(),
    wanted           boolean NOT NULL DEFAULT false,
    environment_id   text NOT NULL DEFAULT '',
    last_activity_at timestamptz NOT NULL DEFAULT now(),
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    -- A deleted session stays until its environment and volume are gone.
    deleted_at       timestamptz
);
CREATE INDEX sessions_user_id ON sessions (user_id, created_at DESC) WHERE deleted_at IS NULL;
CREATE INDEX sessions_wanted ON sessions (id) WHERE wanted OR phase NOT IN ('stopped', 'failed') OR deleted_at IS NOT NULL;

-- What changes with each commit of a session's files, apart from the session so that its row stays small. Every
-- writer of a session's files locks this row first; so the tables below need no foreign keys to sessions, whose
-- checks would cost as much as the rows themselves.
CREATE TABLE workspaces (
    session_id           uuid PRIMARY KEY REFERENCES sessions ON DELETE CASCADE,
    -- Monotonic; grows by one with each commit that changes something.
    revision             bigint NOT NULL DEFAULT 0,
    -- Revisions up to this one are no longer in the history change by change.
    history_floor        bigint NOT NULL DEFAULT 0,
    item_count           bigint NOT NULL DEFAULT 0,
    file_count           bigint NOT NULL DEFAULT 0,
    unsaved_count        bigint NOT NULL DEFAULT 0,
    byte_count           bigint NOT NULL DEFAULT 0,
    -- The lease: who commits. The epoch grows by one with each holder.
    lease_holder         text NOT NULL DEFAULT '',
    lease_epoch          bigint NOT NULL DEFAULT 0,
    lease_expires_at     timestamptz NOT NULL DEFAULT '-infinity',
    -- The cursor: the last batch committed, the revision that its answer told, and the revision through which
    -- changes were applied on the disk.
    cursor_incarnation   text NOT NULL DEFAULT '',
    cursor_sequence      bigint NOT NULL DEFAULT 0,
    cursor_revision      bigint NOT NULL DEFAULT 0,
    applied_revision     bigint NOT NULL DEFAULT 0,
    -- The revision when the incarnation's first batch came: what the terminal changed after it is its own work.
    incarnation_revision bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- Contents, once by SHA-256. A small one is in the row; a large one in chunks of 1 MiB.
CREATE TABLE blobs (
    hash       bytea PRIMARY KEY CHECK (length(hash) = 32),
    size       bigint NOT NULL,
    data       bytea,
    chunks_id  uuid,
    -- When a writer last said that it is about to refer to it; garbage collection leaves young ones alone.
    touched_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((data IS NULL) <> (chunks_id IS NULL))
);
-- Contents rarely compress well enough to pay for pglz, and substring access needs them plain.
ALTER TABLE blobs ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE INDEX blobs_touched_at ON blobs (touched_at);
CREATE UNIQUE INDEX blobs_chunks_id ON blobs (chunks_id) WHERE chunks_id IS NOT NULL;

-- Chunks are written one by one while an upload goes on; the row in blobs that makes them a content comes last.
-- Chunks that no blob ever named are garbage.
CREATE TABLE blob_chunks (
    chunks_id  uuid NOT NULL,
    n          integer NOT NULL,
    data       bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (chunks_id, n)
);
ALTER TABLE blob_chunks ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE INDEX blob_chunks_first ON blob_chunks (created_at) WHERE n = 0;

-- Which session has sent which content, until an item refers to it. A session may name a hash only when it is
-- here, in its items or in its history: else an agent could ask for another user's content by its hash.
CREATE TABLE blob_uploads (
    session_id uuid NOT NULL,
    hash       bytea NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session_id, hash)
);
CREATE INDEX blob_uploads_hash ON blob_uploads (hash);
CREATE INDEX blob_uploads_at ON blob_uploads (at);

CREATE SEQUENCE workspace_item_ids CACHE 1;

-- The present tree. path is what the parents' names join to; it is kept with the item so that a listing, a
-- look-up and a whole folder are each one range of one index.
CREATE TABLE workspace_items (
    id             bigint PRIMARY KEY DEFAULT nextval('workspace_item_ids'),
    session_id     uuid NOT NULL,
    parent_id      bigint,
    name           text COLLATE "C" NOT NULL CHECK (name <> ''),
    path           text COLLATE "C" NOT NULL CHECK (octet_length(path) <= 2048),
    type           text NOT NULL CHECK (type IN ('file', 'folder', 'symlink', 'special')),
    mode           integer NOT NULL,
    size           bigint NOT NULL DEFAULT 0,
    mtime_ns       bigint NOT NULL DEFAULT 0,
    content_hash   bytea,
    link_target    text NOT NULL DEFAULT '',
    unsaved_reason text NOT NULL DEFAULT '',
    revision       bigint NOT NULL,
    -- Who made the present version: what did not come from the terminal may be unknown to the disk yet.
    source         text NOT NULL CHECK (source IN ('editor', 'terminal', 'api', 'restore')),
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CHECK ((content_hash IS NOT NULL) = (type = 'file' AND unsaved_reason = ''))
);
CREATE UNIQUE INDEX workspace_items_path ON workspace_items (session_id, path);
CREATE UNIQUE INDEX workspace_items_name ON workspace_items (session_id, parent_id, name) NULLS NOT DISTINCT;
CREATE INDEX workspace_items_hash ON workspace_items (content_hash, session_id) WHERE content_hash IS NOT NULL;

-- Every change ever made, within the retention: the feed of a workspace (by revision) and the history of a
-- path (by path). A put holds the state after it, so that any version can be brought back.
CREATE TABLE workspace_history (
    session_id     uuid NOT NULL,
    revision       bigint NOT NULL,
    -- The order within the revision.
    n              integer NOT NULL,
    op             text NOT NULL CHECK (op IN ('put', 'delete', 'move')),
    path           text COLLATE "C" NOT NULL,
    from_path      text COLLATE "C" NOT NULL DEFAULT '',
    type           text NOT NULL,
    mode           integer NOT NULL DEFAULT 0,
    size           bigint NOT NULL DEFAULT 0,
    mtime_ns       bigint NOT NULL DEFAULT 0,
    content_hash   bytea,
    link_target    text NOT NULL DEFAULT '',
    unsaved_reason text NOT NULL DEFAULT '',
    -- What was at path before: what the disk must hold for this change to be applied there.
    previous_type  text NOT NULL DEFAULT '',
    previous_hash  bytea,
    source         text NOT NULL CHECK (source IN ('editor', 'terminal', 'api', 'restore')),
    user_id        uuid,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session_id, revision, n)
);
CREATE INDEX workspace_history_path ON workspace_history (session_id, path, revision DESC);
CREATE INDEX workspace_history_hash ON workspace_history (content_hash, session_id) WHERE content_hash IS NOT NULL;

-- Paths at which editor and terminal changed the same version, until somebody has looked.
CREATE TABLE workspace_conflicts (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id     uuid NOT NULL,
    path           text COLLATE "C" NOT NULL,
    -- The present version, the other one (0: it had been deleted) and the one that both were made from.
    revision       bigint NOT NULL,
    other_revision bigint NOT NULL,
    base_revision  bigint NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    resolved_at    timestamptz
);
CREATE INDEX workspace_conflicts_open ON workspace_conflicts (session_id, path) WHERE resolved_at IS NULL;

-- Who did what. No foreign keys: an entry outlives what it tells of.
CREATE TABLE audit_log (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now(),
    action      text NOT NULL,
    user_id     uuid,
    session_id  uuid,
    remote_addr text NOT NULL DEFAULT '',
    request_id  text NOT NULL DEFAULT '',
    detail      jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_log_user ON audit_log (user_id, at DESC);
CREATE INDEX audit_log_session ON audit_log (session_id, at DESC);

-- +goose Down
DROP TABLE audit_log, workspace_conflicts, workspace_history, workspace_items, blob_uploads, blob_chunks, blobs, workspaces, sessions, auth_tokens, users;
DROP SEQUENCE workspace_item_ids;
