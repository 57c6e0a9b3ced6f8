-- +goose Up
-- A conflict follows its file when that is moved; this is where the file was then, and where its versions are. NULL: at path.
ALTER TABLE workspace_conflicts ADD COLUMN versions_path text COLLATE "C";

-- +goose Down
UPDATE workspace_conflicts SET path = versions_path WHERE versions_path IS NOT NULL;
ALTER TABLE workspace_conflicts DROP COLUMN versions_path;
