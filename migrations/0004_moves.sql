-- +goose Up

-- Where a path went: the history of a file follows its renames.
CREATE INDEX workspace_history_moves ON workspace_history (session_id, from_path, revision DESC) WHERE op = 'move';

-- +goose Down
DROP INDEX workspace_history_moves;
