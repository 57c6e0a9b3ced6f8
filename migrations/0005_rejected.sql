-- +goose Up

-- What the last batches were answered, for an agent that did not hear it: the refused paths and why, by sequence.
ALTER TABLE workspaces ADD COLUMN cursor_rejected jsonb NOT NULL DEFAULT '{}';

-- +goose Down
ALTER TABLE workspaces DROP COLUMN cursor_rejected;
