-- +goose Up

-- Who has a workspace open, on whichever replica. Each replica renews its rows, so that those of a dead one expire; after
-- a crash of the server the table is empty, and is filled again in the same way. It is in no backup.
CREATE UNLOGGED TABLE viewers (
    session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    connection text NOT NULL CHECK (length(connection) <= 64),
    replica    text NOT NULL,
    username   text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (session_id, connection)
) WITH (fillfactor = 50);
CREATE INDEX viewers_replica ON viewers (replica);

-- +goose Down
DROP TABLE viewers;
