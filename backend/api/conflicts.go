package api

import (
	"net/http"

	"codingplatform/backend"
)

// conflictBody is a path at which the editor and the environment changed the same version: Revision is the present one,
// OtherRevision the other one (0: it had been deleted), BaseRevision what both were made from (0: nothing). Their contents
// are at /version/{revision}/{versions_path}, which is where the file was then.
type conflictBody struct {
	Path          string `json:"path"`
	VersionsPath  string `json:"versions_path"`
	Revision      int64  `json:"revision"`
	OtherRevision int64  `json:"other_revision"`
	BaseRevision  int64  `json:"base_revision"`
}

type conflictList struct {
	Conflicts []conflictBody `json:"conflicts"`
}

func (s *server) listConflicts(w http.ResponseWriter, r *http.Request) error {
	open, err := s.cfg.Store.OpenConflicts(r.Context(), sessionOf(r).ID)
	if err != nil {
		return err
	}
	body := conflictList{Conflicts: make([]conflictBody, 0, len(open))}
	for _, c := range open {
		body.Conflicts = append(body.Conflicts, conflictBody(c))
	}
	s.answer(w, r, http.StatusOK, body)
	return nil
}

// resolveConflict says that somebody has looked. Saving the file over the present revision does the same.
func (s *server) resolveConflict(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Path string `json:"path"`
	}
	if err := readJSON(w, r, maxCallBytes, &in); err != nil {
		return err
	}
	path, err := cleanField("path", in.Path)
	if err != nil {
		return err
	}
	if err := s.cfg.Store.ResolveConflict(r.Context(), sessionOf(r).ID, path); err != nil {
		return err
	}
	s.answer(w, r, http.StatusOK, messageBody{Message: "Resolved"})
	return nil
}

// statBody is all that is known of an item but its content.
type statBody struct {
	itemBody
	Hash       string         `json:"hash"`
	ModifiedAt string         `json:"modified_at"`
	Source     backend.Source `json:"source"`
}

func (s *server) stat(w http.ResponseWriter, r *http.Request) error {
	name, err := filePath(r, "/stat/")
	if err != nil {
		return err
	}
	item, source, err := s.cfg.Store.Stat(r.Context(), sessionOf(r).ID, name)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", etag(item.Revision))
	s.answer(w, r, http.StatusOK, statBody{newItemBody(item), hexHash(item.Hash), item.ModTime.UTC().Format("2006-01-02T15:04:05.999999999Z07:00"), source})
	return nil
}

// copiedBody is a copy, and how many items of the original are not in it because they are not saved.
type copiedBody struct {
	Message string   `json:"message"`
	File    itemBody `json:"file"`
	Left    int      `json:"left"`
}

func (s *server) copyPath(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	if err := readJSON(w, r, maxCallBytes, &in); err != nil {
		return err
	}
	from, err := cleanField("from", in.From)
	if err != nil {
		return err
	}
	to, err := cleanField("to", in.To)
	if err != nil {
		return err
	}
	item, left, err := s.cfg.Store.CopyPath(r.Context(), s.pathRequest(r, from), to)
	if err != nil {
		return err
	}
	s.answer(w, r, http.StatusCreated, copiedBody{Message: "Copied", File: newItemBody(item), Left: left})
	return nil
}
