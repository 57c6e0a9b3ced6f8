-- +goose Up
-- Each file that is committed has to be entered into every index. These two are of no use: a name within a folder is unique
-- since its path is, and nearly all contents are older than what the collector leaves alone.
DROP INDEX workspace_items_name;
DROP INDEX blobs_touched_at;

-- +goose Down
CREATE UNIQUE INDEX workspace_items_name ON workspace_items (session_id, parent_id, name) NULLS NOT DISTINCT;
CREATE INDEX blobs_touched_at ON blobs (touched_at);
