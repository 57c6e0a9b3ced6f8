-- +goose Up

-- Recordings of terminals. A row is the truth about one; the replica that holds the session's lease appends to it.
CREATE TABLE recordings (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    session_id  uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    terminal    text NOT NULL CHECK (length(terminal) BETWEEN 1 AND 64),
    title       text NOT NULL DEFAULT '',
    -- The terminal's size when the recording started; later sizes are events in it.
    cols        integer NOT NULL CHECK (cols BETWEEN 1 AND 4096),
    rows        integer NOT NULL CHECK (rows BETWEEN 1 AND 4096),
    started_at  timestamptz NOT NULL DEFAULT now(),
    -- When its owner asked it to end; the recorder then takes what has been printed until now, and ends it.
    stopping_at timestamptz,
    ended_at    timestamptz,
    -- Why it ended before its time.
    error       text NOT NULL DEFAULT '',
    -- The time of the last event, counted from the start.
    duration_us bigint NOT NULL DEFAULT 0,
    -- The cursor: how many chunks there are, their bytes, and the incarnation of the terminal and the offset of its
    -- output after the last byte that they hold. It commits with each chunk.
    chunks      integer NOT NULL DEFAULT 0,
    byte_count  bigint NOT NULL DEFAULT 0,
    incarnation text NOT NULL DEFAULT '',
    next_offset bigint NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX recordings_active ON recordings (session_id, terminal) WHERE ended_at IS NULL;
CREATE INDEX recordings_session ON recordings (session_id, started_at DESC);

-- Events of asciicast v2, each chunk of whole lines. The header is made from the row. Repetitive text: stored
-- compressed, as is PostgreSQL's default.
CREATE TABLE recording_chunks (
    recording_id uuid NOT NULL REFERENCES recordings ON DELETE CASCADE,
    n            integer NOT NULL,
    data         bytea NOT NULL,
    PRIMARY KEY (recording_id, n)
);

-- +goose Down
DROP TABLE recording_chunks, recordings;
