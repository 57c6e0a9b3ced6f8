package postgres

import (
	"context"
	"strconv"

	"codingplatform/backend"
)

// SaveRequest is a save by the editor or the API.
type SaveRequest struct {
	SessionID backend.SessionID
	UserID    backend.UserID
	Path      string
	Content   []byte
	// Base is the revision of the item that the content was made from; nil: whatever is there is replaced; 0: nothing may
	// be there.
	Base *int64
	// Mode is the permission bits; nil: those of the file that is there, or 0o644.
	Mode   *uint32
	Source backend.Source
	Limits backend.Limits
}

// SaveFile stores a file if its base is the present revision, and makes its parents. Equal content is no new revision,
// whatever the base, so that a save whose answer was lost can be repeated. created says that there was no file before.
//
// CodeConflict with Revision (0: it is gone): the base is old, or something else than a file is in the way;
// CodeTooLarge: a cap; CodeInvalid: the path; CodeNotFound: no such session.
func (s *Store) SaveFile(ctx context.Context, r SaveRequest) (item backend.Item, created bool, err error) {
	path, err := backend.CleanPath(r.Path)
	if err != nil {
		return item, false, err
	}
	if r.Limits.MaxFileBytes > 0 && int64(len(r.Content)) > r.Limits.MaxFileBytes {
		return item, false, backend.Errorf(backend.CodeTooLarge, "the file has %d bytes; %d are allowed", len(r.Content), r.Limits.MaxFileBytes)
	}
	contents := newContents()
	hash := contents.add(r.Content)
	e, err := s.begin(ctx, r.SessionID, plan{paths: []string{path}, hashes: []backend.Hash{hash}})
	if err != nil {
		return item, false, wrap(err, "save a file")
	}
	defer e.close(ctx)
	e.user, e.source, e.contents, e.resolves = r.UserID, r.Source, contents, path
	file := NewFile{Path: path, Content: r.Content}
	if r.Mode != nil {
		file.Mode = *r.Mode
	}
	if err := checkBase(e.nodes[path], r.Base, hash); err != nil {
		return item, false, err
	}
	n, created, err := e.write(file, r.Limits)
	if err != nil {
		return item, false, err
	}
	if len(e.history) == 0 {
		return n.Item, false, nil
	}
	return n.Item, created, wrap(e.commit(ctx), "save a file")
}

func checkBase(n *node, base *int64, hash backend.Hash) error {
	switch {
	case base == nil, n == nil && *base == 0, n != nil && n.Revision == *base, n != nil && n.Type == backend.TypeFile && n.Hash == hash:
		return nil
	case n == nil:
		return &backend.Error{Code: backend.CodeConflict, Message: "the file has been deleted or moved in the meantime"}
	case *base == 0:
		return &backend.Error{Code: backend.CodeConflict, Message: quote(n.Path) + " exists already", Revision: n.Revision}
	}
	return &backend.Error{Code: backend.CodeConflict, Message: "the file has been changed in the meantime", Revision: n.Revision}
}

// PathRequest is a change of one path by the editor or the API.
type PathRequest struct {
	SessionID backend.SessionID
	UserID    backend.UserID
	Path      string
	Source    backend.Source
	Limits    backend.Limits
}

// MakeFolder makes a folder and its parents; created is false when it was there. CodeAlreadyExists: something else has the
// name; otherwise as SaveFile.
func (s *Store) MakeFolder(ctx context.Context, r PathRequest) (item backend.Item, created bool, err error) {
	path, err := backend.CleanPath(r.Path)
	if err != nil {
		return item, false, err
	}
	e, err := s.begin(ctx, r.SessionID, plan{paths: []string{path}})
	if err != nil {
		return item, false, wrap(err, "make a folder")
	}
	defer e.close(ctx)
	e.user, e.source = r.UserID, r.Source
	if n := e.nodes[path]; n != nil {
		if n.Type != backend.TypeFolder {
			return item, false, backend.Errorf(backend.CodeAlreadyExists, "%q is there already, as a %s", path, n.Type)
		}
		return n.Item, false, nil
	}
	if err := e.prepare(path, 0, r.Limits); err != nil {
		return item, false, err
	}
	n := e.put(backend.Item{Path: path, Type: backend.TypeFolder, Mode: folderMode, ModTime: e.at}, e.source)
	return n.Item, true, wrap(e.commit(ctx), "make a folder")
}

// DeletePath deletes an item, a folder with everything in it, and returns the revision of that. CodeNotFound when there is
// none.
func (s *Store) DeletePath(ctx context.Context, r PathRequest) (revision int64, err error) {
	path, err := backend.CleanPath(r.Path)
	if err != nil {
		return 0, err
	}
	e, err := s.begin(ctx, r.SessionID, plan{under: []string{path}})
	if err != nil {
		return 0, wrap(err, "delete a path")
	}
	defer e.close(ctx)
	e.user, e.source = r.UserID, r.Source
	n := e.nodes[path]
	if n == nil {
		return 0, noItem(path)
	}
	e.remove(n, e.source)
	return e.revision, wrap(e.commit(ctx), "delete a path")
}

// MovePath moves or renames the item at r.Path, a folder with everything in it, to a path that is free, whose parents are
// made. CodeNotFound: nothing is there; CodeAlreadyExists: the target is taken; CodeInvalid: a path is none or too long,
// or the target is inside the item; otherwise as SaveFile.
func (s *Store) MovePath(ctx context.Context, r PathRequest, target string) (item backend.Item, err error) {
	from, err := backend.CleanPath(r.Path)
	if err != nil {
		return item, err
	}
	to, err := backend.CleanPath(target)
	if err != nil {
		return item, err
	}
	e, err := s.begin(ctx, r.SessionID, plan{paths: []string{to}, under: []string{from}})
	if err != nil {
		return item, wrap(err, "move a path")
	}
	defer e.close(ctx)
	e.user, e.source = r.UserID, r.Source
	n := e.nodes[from]
	switch {
	case n == nil:
		return item, noItem(from)
	case from == to:
		return n.Item, nil
	case isUnder(to, from):
		return item, backend.Errorf(backend.CodeInvalid, "%q cannot be moved into itself", from)
	case e.nodes[to] != nil:
		return item, &backend.Error{Code: backend.CodeAlreadyExists, Message: quote(to) + " exists already", Revision: e.nodes[to].Revision}
	}
	if long := tooLong(n, to); long != "" {
		return item, backend.Errorf(backend.CodeInvalid, "%s", long)
	}
	limits := r.Limits
	if limits.MaxFiles > 0 {
		// The item itself is counted already.
		limits.MaxFiles++
	}
	if err := e.prepare(to, 0, limits); err != nil {
		return item, err
	}
	e.move(n, to, e.source, backend.Hash{}, "")
	return n.Item, wrap(e.commit(ctx), "move a path")
}

// tooLong says in words which path would be too long if n were at to.
func tooLong(n *node, to string) (words string) {
	grow := len(to) - len(n.Path)
	walk(n, func(n *node) {
		if words == "" && len(n.Path)+grow > backend.MaxPathBytes {
			words = "the path of " + quote(n.Path) + " would have " + number(int64(len(n.Path)+grow)) + " bytes; " + number(backend.MaxPathBytes) + " are allowed"
		}
	})
	return words
}

func noItem(path string) error {
	return backend.Errorf(backend.CodeNotFound, "there is no %q in this workspace", path)
}

func quote(s string) string { return strconv.Quote(s) }

func number(n int64) string { return strconv.FormatInt(n, 10) }
