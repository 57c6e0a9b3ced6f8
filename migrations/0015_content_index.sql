-- +goose Up
-- A version that is there is in the history too, for as long as it is there. So the history alone says whose a content is and
-- what can be collected, and a file that changes does not change an index of the items. Should a version be missing there,
-- it is added, as of the workspace's present revision: an item that was moved with its folder has an older one, from elsewhere.
INSERT INTO workspace_history (session_id, revision, n, op, path, type, mode, size, mtime_ns, content_hash, link_target, unsaved_reason, source, created_at)
    SELECT i.session_id, w.revision, 1000000000 + row_number() OVER (), 'put', i.path, i.type, i.mode, i.size, i.mtime_ns, i.content_hash,
        i.link_target, i.unsaved_reason, i.source, i.updated_at
    FROM workspace_items i JOIN workspaces w USING (session_id)
    WHERE i.content_hash IS NOT NULL
        AND NOT EXISTS (SELECT FROM workspace_history h WHERE h.content_hash = i.content_hash AND h.session_id = i.session_id);
DROP INDEX workspace_items_hash;

-- +goose Down
CREATE INDEX workspace_items_hash ON workspace_items (content_hash, session_id) WHERE content_hash IS NOT NULL;
