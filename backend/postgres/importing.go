package postgres

import (
	"context"
	"iter"

	"codingplatform/backend"
)

// A batch of an import ends with the first of these; each is one revision.
const (
	importFiles = 500
	importBytes = 8 << 20
)

// ImportRequest says where files go that come in number, for example from a zip.
type ImportRequest struct {
	SessionID backend.SessionID
	UserID    backend.UserID
	Source    backend.Source
	Limits    backend.Limits
}

// ImportFiles writes files, those that are there too, in batches of one revision each, and returns how many were
// written. An error of the iterator or of a batch ends it; the batches before stay, and count. A path that comes twice
// has its last content. Errors are those of SaveFile.
func (s *Store) ImportFiles(ctx context.Context, r ImportRequest, files iter.Seq2[NewFile, error]) (count int, err error) {
	var batch []NewFile
	bytes := 0
	for f, err := range files {
		if err != nil {
			return count, err
		}
		f.Path, err = backend.CleanPath(f.Path)
		if err != nil {
			return count, err
		}
		batch = append(batch, f)
		bytes += len(f.Content)
		if len(batch) >= importFiles || bytes >= importBytes {
			if err := s.importBatch(ctx, r, batch); err != nil {
				return count, err
			}
			count += len(batch)
			batch, bytes = nil, 0
		}
	}
	if len(batch) == 0 {
		return count, nil
	}
	if err := s.importBatch(ctx, r, batch); err != nil {
		return count, err
	}
	return count + len(batch), nil
}

func (s *Store) importBatch(ctx context.Context, r ImportRequest, files []NewFile) error {
	contents := newContents()
	var p plan
	for _, f := range files {
		p.paths = append(p.paths, f.Path)
		p.hashes = append(p.hashes, contents.add(f.Content))
	}
	e, err := s.begin(ctx, r.SessionID, p)
	if err != nil {
		return wrap(err, "import files")
	}
	defer e.close(ctx)
	e.user, e.source, e.contents = r.UserID, r.Source, contents
	for _, f := range files {
		if _, _, err := e.write(f, r.Limits); err != nil {
			return err
		}
	}
	if len(e.history) == 0 {
		return nil
	}
	return wrap(e.commit(ctx), "import files")
}

// EnsureDefault writes file if the workspace is empty, and says whether it did. Of many callers at once one does.
func (s *Store) EnsureDefault(ctx context.Context, session backend.SessionID, user backend.UserID, file NewFile) (item backend.Item, created bool, err error) {
	file.Path, err = backend.CleanPath(file.Path)
	if err != nil {
		return item, false, err
	}
	contents := newContents()
	hash := contents.add(file.Content)
	e, err := s.begin(ctx, session, plan{paths: []string{file.Path}, hashes: []backend.Hash{hash}})
	if err != nil {
		return item, false, wrap(err, "write the first file")
	}
	defer e.close(ctx)
	e.user, e.source, e.contents = user, backend.SourceAPI, contents
	if e.ws.items > 0 {
		return item, false, nil
	}
	n, _, err := e.write(file, backend.Limits{})
	if err != nil {
		return item, false, err
	}
	return n.Item, true, wrap(e.commit(ctx), "write the first file")
}
