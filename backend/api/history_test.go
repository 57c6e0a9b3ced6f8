package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"codingplatform/backend"
)

// files are the calls on one session's files.
type files struct {
	*server
	token, base string
}

func newFiles(t *testing.T) *files {
	t.Helper()
	s := newServer(t)
	token := s.register("ada")
	return &files{server: s, token: token, base: "/api/workspace/" + s.session(token)}
}

func (f *files) get(path string, into any) {
	f.t.Helper()
	f.want(http.StatusOK, request{method: "GET", path: f.base + path, token: f.token}, into)
}

func (f *files) post(status int, path string, body, into any) {
	f.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		f.t.Fatal(err)
	}
	f.want(status, request{method: "POST", path: f.base + path, token: f.token, body: string(text)}, into)
}

// save returns the revision.
func (f *files) save(path, content string) int64 {
	f.t.Helper()
	res := f.do(request{method: "POST", path: f.base + "/file/" + path, token: f.token, body: content, header: map[string]string{"Content-Type": "application/octet-stream"}})
	var out struct{ File struct{ Revision int64 } }
	if err := json.Unmarshal(res.body, &out); err != nil || res.StatusCode >= 300 {
		f.t.Fatalf("save %s: %d %s", path, res.StatusCode, res.body)
	}
	return out.File.Revision
}

func (f *files) paths() []string {
	f.t.Helper()
	var list []struct{ Path string }
	f.get("/files", &list)
	paths := []string{}
	for _, i := range list {
		paths = append(paths, i.Path)
	}
	return paths
}

type versionsAnswer struct {
	Versions []struct {
		Revision         int64
		Op, Path, Source string
		User             *struct{ Username string }
	}
	Next string
}

func TestHistoryOverHTTP(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	first := f.save("a%20b.txt", "one\ntwo\n")
	f.save("a%20b.txt", "one\n2\n")
	f.post(http.StatusOK, "/move", map[string]string{"from": "a b.txt", "to": "d/c.txt"}, nil)
	var pages []string
	for next := ""; ; {
		var page versionsAnswer
		f.get("/history/d/c.txt?limit=2&before="+next, &page)
		for _, v := range page.Versions {
			if v.User == nil || v.User.Username != "ada" || v.Source != "api" {
				t.Errorf("%+v", v)
			}
			pages = append(pages, v.Op+" "+v.Path)
		}
		if next = page.Next; next == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"move d/c.txt", "put a b.txt", "put a b.txt"}, pages); diff != "" {
		t.Error(diff)
	}
	var all versionsAnswer
	f.get("/history", &all)
	if len(all.Versions) < 3 || all.Versions[0].Op != "move" {
		t.Errorf("recent: %+v", all)
	}

	var old struct{ Path, Content, Encoding string }
	f.get(fmt.Sprintf("/version/%d/a%%20b.txt", first), &old)
	if old.Content != "one\ntwo\n" || old.Path != "a b.txt" {
		t.Errorf("the first version: %+v", old)
	}
	raw := f.do(request{method: "GET", path: f.base + fmt.Sprintf("/version/%d/a%%20b.txt?raw=1", first), token: f.token})
	if string(raw.body) != "one\ntwo\n" || !strings.HasPrefix(raw.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("raw: %q %v", raw.body, raw.Header)
	}
	var diff struct {
		Same bool
		Diff string
	}
	f.get(fmt.Sprintf("/diff/a%%20b.txt?from=%d&to=%d", first, first+1), &diff)
	if diff.Same || !strings.Contains(diff.Diff, "-two\n+2\n") {
		t.Errorf("%+v", diff)
	}
	f.get(fmt.Sprintf("/diff/d/c.txt?from=%d", first), &diff)
	if !strings.Contains(diff.Diff, "+one\n+2\n") {
		t.Errorf("a file that was not there: %+v", diff)
	}
	for path, code := range map[string]backend.Code{
		"/history/never": backend.CodeNotFound, "/version/1/never": backend.CodeNotFound, "/version/x/d/c.txt": backend.CodeInvalid,
		"/history?before=x": backend.CodeInvalid, "/diff/d/c.txt": backend.CodeInvalid, "/diff/never?from=1": backend.CodeNotFound,
	} {
		status := map[backend.Code]int{backend.CodeNotFound: http.StatusNotFound, backend.CodeInvalid: http.StatusUnprocessableEntity}[code]
		f.wantCode(status, code, request{method: "GET", path: f.base + path, token: f.token})
	}
}

func TestRestoreOverHTTP(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	f.save("d/one", "1")
	kept := f.save("d/two", "2")
	f.want(http.StatusOK, request{method: "DELETE", path: f.base + "/file/d", token: f.token}, nil)
	f.save("new", "n")
	var gone struct {
		Files []struct {
			Path            string
			RestoreRevision int64 `json:"restore_revision"`
		}
	}
	f.get("/deleted", &gone)
	if len(gone.Files) != 2 || gone.Files[0].Path != "d/one" {
		t.Fatalf("%+v", gone)
	}
	type restored struct {
		Revision         int64
		Written, Deleted int
		Left             []struct{ Path, Reason string }
	}
	var done restored
	f.post(http.StatusOK, "/restore", map[string]any{"path": "d/one", "revision": gone.Files[0].RestoreRevision}, &done)
	if done.Written != 1 || len(done.Left) != 0 {
		t.Errorf("%+v", done)
	}
	f.post(http.StatusOK, "/restore", map[string]any{"revision": kept}, &done)
	if diff := cmp.Diff([]string{"d", "d/one", "d/two", "main.py"}, f.paths()); diff != "" {
		t.Error(diff)
	}
	var removed struct{ Revision int64 }
	f.want(http.StatusOK, request{method: "DELETE", path: f.base + "/file/d", token: f.token}, &removed)
	f.post(http.StatusOK, "/restore", map[string]any{"path": "d", "revision": removed.Revision - 1}, &done)
	if diff := cmp.Diff([]string{"d", "d/one", "d/two", "main.py"}, f.paths()); diff != "" {
		t.Errorf("the deletion was not undone: %s", diff)
	}
	f.post(http.StatusOK, "/restore", map[string]any{"at": time.Now().Add(time.Hour)}, &done)
	if done.Written+done.Deleted != 0 {
		t.Errorf("what is there now was restored: %+v", done)
	}
	f.post(http.StatusUnprocessableEntity, "/restore", map[string]any{}, nil)
	f.post(http.StatusUnprocessableEntity, "/restore", map[string]any{"revision": 1 << 40}, nil)
	f.post(http.StatusNotFound, "/restore", map[string]any{"revision": kept, "path": "never"}, nil)
	f.post(http.StatusNotFound, "/restore", map[string]any{"at": "2001-01-01T00:00:00Z"}, nil)
	var count int
	f.query(&count, `SELECT count(*) FROM audit_log WHERE action = 'files.restore'`)
	if count != 4 {
		t.Errorf("%d restores are in the audit log", count)
	}
}

func TestSearchOverHTTP(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	f.save("src/app.go", "package app\n\nfunc Hello() {}\nfunc hello2() {}\n")
	f.save("src/app_test.go", "package app\n// Hello\n")
	f.save("bin", "Hello\x00")
	type found struct {
		Files []struct {
			Path    string
			Matches []struct {
				Line, Column int
				Preview      string
			}
		}
		Matches, Skipped int
		Truncated        bool
	}
	var out found
	f.get("/search?q=hello&exclude=*_test.go,main.py", &out)
	if len(out.Files) != 1 || out.Matches != 2 || out.Skipped != 1 || out.Files[0].Matches[0].Preview != "func Hello() {}" || out.Files[0].Matches[1].Line != 4 {
		t.Errorf("%+v", out)
	}
	f.get("/search?q="+"%5Efunc%20%5Cw%2B&regex=1&case=1&limit=1", &out)
	if out.Matches != 1 || !out.Truncated {
		t.Errorf("%+v", out)
	}
	f.wantCode(http.StatusUnprocessableEntity, backend.CodeInvalid, request{method: "GET", path: f.base + "/search?q=(&regex=1", token: f.token})
	f.wantCode(http.StatusUnprocessableEntity, backend.CodeInvalid, request{method: "GET", path: f.base + "/search", token: f.token})
	var names struct{ Files []struct{ Path string } }
	f.get("/search/files?q=apt", &names)
	if len(names.Files) != 1 || names.Files[0].Path != "src/app_test.go" {
		t.Errorf("%+v", names)
	}

	var replaced struct {
		Files []struct {
			Path, Reason string
			Matches      int
		}
		Replaced int
	}
	body := map[string]any{"q": `(H)ello`, "replacement": "${1}i", "regex": true, "case": true, "dry_run": true}
	f.post(http.StatusOK, "/replace", body, &replaced)
	if len(replaced.Files) != 3 || replaced.Replaced != 0 {
		t.Errorf("a dry run: %+v", replaced)
	}
	body["dry_run"], body["paths"] = false, []string{"src/app.go"}
	f.post(http.StatusOK, "/replace", body, &replaced)
	if replaced.Replaced != 1 {
		t.Errorf("%+v", replaced)
	}
	var file struct{ Content string }
	f.get("/file/src/app.go", &file)
	if file.Content != "package app\n\nfunc Hi() {}\nfunc hello2() {}\n" {
		t.Errorf("%q", file.Content)
	}
}

func TestCopyAndStatOverHTTP(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	f.save("d/f", "content")
	var copied struct{ File struct{ Path, Type string } }
	f.post(http.StatusCreated, "/copy", map[string]string{"from": "d", "to": "e"}, &copied)
	if copied.File.Path != "e" || copied.File.Type != "folder" {
		t.Errorf("%+v", copied)
	}
	var stat struct{ Path, Hash, Source string }
	f.get("/stat/e/f", &stat)
	if stat.Hash != "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73" || stat.Source != "api" {
		t.Errorf("%+v", stat)
	}
	f.post(http.StatusConflict, "/copy", map[string]string{"from": "d", "to": "e"}, nil)
	f.post(http.StatusNotFound, "/copy", map[string]string{"from": "x", "to": "y"}, nil)
	f.post(http.StatusUnprocessableEntity, "/copy", map[string]string{"from": "d", "to": "d/x"}, nil)
}

func TestFeedOverHTTP(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	at := f.save("f", "1")
	type feed struct {
		Revision int64
		Changes  []struct{ Op, Path string }
	}
	var out feed
	f.get(fmt.Sprintf("/changes?after=%d", at), &out)
	if out.Revision != at || len(out.Changes) != 0 {
		t.Errorf("%+v", out)
	}
	waited := make(chan feed, 1)
	go func() {
		var out feed
		defer func() { waited <- out }()
		res := f.do(request{method: "GET", path: f.base + fmt.Sprintf("/changes?after=%d&wait=30", at), token: f.token})
		if err := json.Unmarshal(res.body, &out); err != nil {
			t.Error(err)
		}
	}()
	f.save("g", "2")
	if out = <-waited; len(out.Changes) != 1 || out.Changes[0].Path != "g" || out.Revision != at+1 {
		t.Errorf("%+v", out)
	}
	res := f.do(request{method: "GET", path: f.base + "/changes?after=99999", token: f.token})
	if res.StatusCode != http.StatusGone {
		t.Errorf("a revision that is still to come: %d %s", res.StatusCode, res.body)
	}
}
