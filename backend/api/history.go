package api

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"
	"github.com/go-chi/chi/v5"

	"codingplatform/backend"
	"codingplatform/backend/postgres"
	"codingplatform/backend/search"
)

const (
	defaultVersions = 50
	maxVersions     = 500
	// maxDiffBytes is the largest content that is compared line by line here.
	maxDiffBytes = 1 << 20
)

// versionBody is one change of a path in an answer.
type versionBody struct {
	Revision      int64                 `json:"revision"`
	Op            backend.ChangeOp      `json:"op"`
	Path          string                `json:"path"`
	From          string                `json:"from"`
	Type          backend.FileType      `json:"type"`
	Size          int64                 `json:"size"`
	Mode          uint32                `json:"mode"`
	Hash          string                `json:"hash"`
	Saved         bool                  `json:"saved"`
	UnsavedReason backend.UnsavedReason `json:"unsaved_reason"`
	Source        backend.Source        `json:"source"`
	User          *versionUser          `json:"user"`
	CreatedAt     time.Time             `json:"created_at"`
}

type versionUser struct {
	ID       backend.UserID `json:"id"`
	Username string         `json:"username"`
}

func newVersionBody(v backend.Version) versionBody {
	body := versionBody{
		Revision: v.Revision, Op: v.Op, Path: v.Path, From: v.From, Type: v.Type, Size: v.Size, Mode: v.Mode, Hash: hexHash(v.Hash),
		Saved: v.Unsaved == backend.Saved, UnsavedReason: v.Unsaved, Source: v.Source, CreatedAt: v.UpdatedAt.UTC(),
	}
	if v.UserID != "" {
		body.User = &versionUser{v.UserID, v.Username}
	}
	return body
}

func hexHash(h backend.Hash) string {
	if h == (backend.Hash{}) {
		return ""
	}
	return hex.EncodeToString(h[:])
}

// versionsBody is a page of a history. Next is for ?before= of the next page, empty on the last.
type versionsBody struct {
	Versions []versionBody `json:"versions"`
	Next     string        `json:"next"`
}

func (s *server) sendVersions(w http.ResponseWriter, r *http.Request, page postgres.Versions) {
	body := versionsBody{Versions: make([]versionBody, 0, len(page.Versions))}
	for _, v := range page.Versions {
		body.Versions = append(body.Versions, newVersionBody(v))
	}
	if page.Next != (postgres.Place{}) {
		body.Next = strconv.FormatInt(page.Next.Revision, 10) + "." + strconv.Itoa(page.Next.N)
	}
	s.answer(w, r, http.StatusOK, body)
}

// queryPage reads ?before= and ?limit=.
func queryPage(r *http.Request) (before postgres.Place, limit int, err error) {
	if limit, err = queryInt(r, "limit", defaultVersions, 1, maxVersions); err != nil {
		return before, 0, err
	}
	text := r.URL.Query().Get("before")
	if text == "" {
		return before, limit, nil
	}
	revision, n, _ := strings.Cut(text, ".")
	before.Revision, err = strconv.ParseInt(revision, 10, 64)
	if err == nil && n != "" {
		before.N, err = strconv.Atoi(n)
	}
	if err != nil || before.Revision < 1 || before.N < 0 {
		return before, 0, invalid("before", "has to be what next of the page before says, or a revision")
	}
	return before, limit, nil
}

func (s *server) fileHistory(w http.ResponseWriter, r *http.Request) error {
	name, err := filePath(r, "/history/")
	if err != nil {
		return err
	}
	before, limit, err := queryPage(r)
	if err != nil {
		return err
	}
	page, err := s.cfg.Store.History(r.Context(), sessionOf(r).ID, name, before, limit)
	if err != nil {
		return err
	}
	s.sendVersions(w, r, page)
	return nil
}

func (s *server) recentHistory(w http.ResponseWriter, r *http.Request) error {
	before, limit, err := queryPage(r)
	if err != nil {
		return err
	}
	page, err := s.cfg.Store.Recent(r.Context(), sessionOf(r).ID, before, limit)
	if err != nil {
		return err
	}
	s.sendVersions(w, r, page)
	return nil
}

// deletedBody is a file that is gone and can be brought back: restore it to RestoreRevision.
type deletedBody struct {
	Path            string         `json:"path"`
	Size            int64          `json:"size"`
	Revision        int64          `json:"revision"`
	DeletedAt       time.Time      `json:"deleted_at"`
	Source          backend.Source `json:"source"`
	RestoreRevision int64          `json:"restore_revision"`
}

type deletedList struct {
	Files []deletedBody `json:"files"`
	More  bool          `json:"more"`
}

func (s *server) deletedFiles(w http.ResponseWriter, r *http.Request) error {
	limit, err := queryInt(r, "limit", defaultVersions, 1, maxVersions)
	if err != nil {
		return err
	}
	files, more, err := s.cfg.Store.DeletedFiles(r.Context(), sessionOf(r).ID, limit)
	if err != nil {
		return err
	}
	body := deletedList{Files: make([]deletedBody, 0, len(files)), More: more}
	for _, f := range files {
		body.Files = append(body.Files, deletedBody{
			Path: f.Path, Size: f.Size, Revision: f.Revision, DeletedAt: f.DeletedAt.UTC(), Source: f.Source, RestoreRevision: f.DeletedRevision - 1,
		})
	}
	s.answer(w, r, http.StatusOK, body)
	return nil
}

// version finds what was at a path, with its content; revision math.MaxInt64: what is there now.
func (s *server) version(r *http.Request, name string, revision int64) (item backend.Item, content []byte, err error) {
	if item, err = s.cfg.Store.VersionAt(r.Context(), sessionOf(r).ID, name, revision); err != nil || item.Hash == (backend.Hash{}) {
		return item, nil, err
	}
	err = s.cfg.Store.Contents(r.Context(), []backend.Item{item}, func(_ []backend.Item, contents [][]byte) error {
		content = contents[0]
		return nil
	})
	if err == nil && content == nil {
		err = backend.Errorf(backend.CodeNotFound, "the content that %q had at revision %d is not kept any more", name, revision)
	}
	return item, content, err
}

func (s *server) readVersion(w http.ResponseWriter, r *http.Request) error {
	revision, err := strconv.ParseInt(chi.URLParam(r, "revision"), 10, 64)
	if err != nil || revision < 1 {
		return invalid("revision", "has to be a whole number from 1")
	}
	name, err := filePath(r, "/version/"+chi.URLParam(r, "revision")+"/")
	if err != nil {
		return err
	}
	raw, err := queryFlag(r, "raw")
	if err != nil {
		return err
	}
	if raw {
		return s.sendRawVersion(w, r, name, revision)
	}
	item, content, err := s.version(r, name, revision)
	if err != nil {
		return err
	}
	if item.Type == backend.TypeFolder {
		return invalid("path", "was a folder then")
	}
	s.answer(w, r, http.StatusOK, newFileBody(item, content))
	return nil
}

func (s *server) sendRawVersion(w http.ResponseWriter, r *http.Request, name string, revision int64) error {
	item, err := s.cfg.Store.VersionAt(r.Context(), sessionOf(r).ID, name, revision)
	if err != nil {
		return err
	}
	if item.Type == backend.TypeFolder {
		return invalid("path", "was a folder then")
	}
	return s.sendRaw(w, r, item)
}

func newFileBody(item backend.Item, content []byte) fileBody {
	body := fileBody{itemBody: newItemBody(item), Encoding: encodingUTF8, Content: string(content)}
	if !utf8.Valid(content) {
		body.Encoding, body.Content = encodingBase64, base64.StdEncoding.EncodeToString(content)
	}
	return body
}

// diffBody is what two versions of a file differ in, as a unified diff; of contents that are not compared line by line
// only whether they are the same.
type diffBody struct {
	Path   string `json:"path"`
	From   int64  `json:"from"`
	To     int64  `json:"to"`
	Same   bool   `json:"same"`
	Binary bool   `json:"binary"`
	// TooLarge: more than 1 MiB.
	TooLarge bool   `json:"too_large"`
	Diff     string `json:"diff"`
}

func (s *server) diffVersions(w http.ResponseWriter, r *http.Request) error {
	name, err := filePath(r, "/diff/")
	if err != nil {
		return err
	}
	from, err := queryRevision(r, "from", -1)
	if err != nil {
		return err
	}
	to, err := queryRevision(r, "to", math.MaxInt64)
	if err != nil {
		return err
	}
	if from < 0 {
		return invalid("from", "is missing: it is the older revision")
	}
	var items [2]backend.Item
	var contents [2][]byte
	found := 0
	for i, revision := range [2]int64{from, to} {
		// What was not there yet, or is not there any more, counts as empty.
		items[i], contents[i], err = s.version(r, name, revision)
		switch {
		case err == nil:
			found++
		case backend.CodeOf(err) != backend.CodeNotFound:
			return err
		}
	}
	if found == 0 {
		return backend.Errorf(backend.CodeNotFound, "there was no %q at either revision", name)
	}
	body := diffBody{Path: name, From: items[0].Revision, To: items[1].Revision, Same: found == 2 && items[0].Hash == items[1].Hash && items[0].LinkTarget == items[1].LinkTarget}
	switch {
	case body.Same:
	case max(len(contents[0]), len(contents[1])) > maxDiffBytes:
		body.TooLarge = true
	case !search.Text(contents[0]) || !search.Text(contents[1]) || !utf8.Valid(contents[0]) || !utf8.Valid(contents[1]):
		body.Binary = true
	default:
		body.Diff = udiff.Unified(fmt.Sprintf("%s@%d", name, body.From), fmt.Sprintf("%s@%d", name, body.To), string(contents[0]), string(contents[1]))
	}
	s.answer(w, r, http.StatusOK, body)
	return nil
}

// restoredBody is what a restore did.
type restoredBody struct {
	Message  string     `json:"message"`
	Revision int64      `json:"revision"`
	Written  int        `json:"written"`
	Deleted  int        `json:"deleted"`
	Left     []leftBody `json:"left"`
}

// leftBody is a path that was left as it is, and why.
type leftBody struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

func (s *server) restoreFiles(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Path     string     `json:"path"`
		Revision *int64     `json:"revision"`
		At       *time.Time `json:"at"`
	}
	if err := readJSON(w, r, maxCallBytes, &in); err != nil {
		return err
	}
	request := postgres.RestoreRequest{SessionID: sessionOf(r).ID, UserID: userOf(r).ID, Limits: s.cfg.Limits}
	var err error
	if strings.Trim(in.Path, "/") != "" {
		if request.Path, err = cleanField("path", in.Path); err != nil {
			return err
		}
	}
	switch {
	case (in.Revision == nil) == (in.At == nil):
		return invalid("revision", "or at has to be given, and not both")
	case in.Revision != nil && *in.Revision < 0:
		return invalid("revision", "has to be 0 or more")
	case in.Revision != nil:
		request.Revision = *in.Revision
	default:
		if request.Revision, err = s.cfg.Store.RevisionAt(r.Context(), request.SessionID, *in.At); err != nil {
			return err
		}
	}
	done, err := s.cfg.Store.Restore(r.Context(), request)
	if err != nil {
		return err
	}
	s.audit(r, "files.restore", request.SessionID, map[string]any{
		"path": request.Path, "revision": request.Revision, "written": done.Written, "deleted": done.Deleted,
	})
	body := restoredBody{Message: "Restored", Revision: done.Revision, Written: done.Written, Deleted: done.Deleted, Left: []leftBody{}}
	for path, reason := range done.Left {
		body.Left = append(body.Left, leftBody{path, reason})
	}
	slices.SortFunc(body.Left, func(a, b leftBody) int { return strings.Compare(a.Path, b.Path) })
	s.answer(w, r, http.StatusOK, body)
	return nil
}
