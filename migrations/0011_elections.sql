-- +goose Up
-- Work that one backend of several does for all of them: who does it, and until when that holds unless it is renewed.
CREATE TABLE elections (
    name       text PRIMARY KEY,
    holder     text NOT NULL,
    expires_at timestamptz NOT NULL
);

-- +goose Down
DROP TABLE elections;
