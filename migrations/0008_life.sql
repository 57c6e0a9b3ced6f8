-- +goose Up

-- stops_at and may_stay are the warning before a stop by itself. Who has placed_at counts against the limits of running
-- sessions; who has queued_at waits for a place.
ALTER TABLE sessions
    ADD COLUMN stops_at    timestamptz,
    ADD COLUMN may_stay    boolean NOT NULL DEFAULT false,
    ADD COLUMN placed_at   timestamptz,
    ADD COLUMN queued_at   timestamptz,
    ADD COLUMN queue_place integer NOT NULL DEFAULT 0;
UPDATE sessions SET placed_at = now() WHERE phase NOT IN ('stopped', 'failed');
CREATE INDEX sessions_placed ON sessions (user_id) WHERE placed_at IS NOT NULL;
CREATE INDEX sessions_queued ON sessions (queued_at) WHERE queued_at IS NOT NULL;

-- +goose Down
DROP INDEX sessions_queued;
DROP INDEX sessions_placed;
ALTER TABLE sessions
    DROP COLUMN queue_place,
    DROP COLUMN queued_at,
    DROP COLUMN placed_at,
    DROP COLUMN may_stay,
    DROP COLUMN stops_at;
