-- +goose Up
-- Backends that live, each until when unless it says so again. The rows of one that says nothing any more are dropped by
-- the others, with its viewers. As those: empty after a crash of the server, and in no backup.
CREATE UNLOGGED TABLE replicas (
    replica    text PRIMARY KEY,
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- +goose Down
DROP TABLE replicas;
