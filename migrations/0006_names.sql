-- +goose Up

-- With the session first it was taken for look-ups of paths, by statistics that were older than the session's growth, and
-- each of those read the whole session.
DROP INDEX workspace_items_name;
CREATE UNIQUE INDEX workspace_items_name ON workspace_items (parent_id, name, session_id) NULLS NOT DISTINCT;

-- +goose Down
DROP INDEX workspace_items_name;
CREATE UNIQUE INDEX workspace_items_name ON workspace_items (session_id, parent_id, name) NULLS NOT DISTINCT;
