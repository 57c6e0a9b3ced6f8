package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// server answers with handle, and makes a client of it.
func server(t *testing.T, handle http.HandlerFunc) *API {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	api, err := New(s.URL+"/ide/", "secret")
	if err != nil {
		t.Fatal(err)
	}
	return api
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"http://localhost:8002": true, "https://ide.example.org/a/": true,
		"localhost:8002": false, "ftp://example.org": false, "": false, "https://": false, "http://[": false,
	} {
		if _, err := New(address, ""); (err == nil) != good {
			t.Errorf("New(%q): %v", address, err)
		}
	}
}

func TestSessionsAreAllOfThem(t *testing.T) {
	t.Parallel()
	api := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ide/api/sessions/" || r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("%s as %q", r.URL, r.Header.Get("Authorization"))
		}
		var skip, limit int
		_, _ = fmt.Sscan(r.URL.Query().Get("skip"), &skip)
		_, _ = fmt.Sscan(r.URL.Query().Get("limit"), &limit)
		var data []string
		for i := skip; i < min(250, skip+limit); i++ {
			data = append(data, fmt.Sprintf(`{"id":"%d","name":"n","phase":"ready"}`, i))
		}
		_, _ = fmt.Fprintf(w, `{"success":true,"data":[%s],"count":250}`, strings.Join(data, ","))
	})
	all, err := api.Sessions(t.Context())
	if err != nil || len(all) != 250 || all[249].ID != "249" {
		t.Fatalf("%d sessions, %v", len(all), err)
	}
}

func TestCalls(t *testing.T) {
	t.Parallel()
	var calls []string
	api := server(t, func(w http.ResponseWriter, r *http.Request) {
		calls = append(calls, r.Method+" "+r.URL.EscapedPath())
		switch {
		case strings.HasSuffix(r.URL.Path, "/login"):
			_, _ = fmt.Fprint(w, `{"token":"new"}`)
		case r.Method == http.MethodGet:
			_, _ = fmt.Fprint(w, `{"terminals":[{"name":"1","running":false,"exit":{"code":2}}]}`)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	if token, err := api.Login(t.Context(), "ada", "x"); err != nil || token != "new" {
		t.Errorf("login: %q %v", token, err)
	}
	if list, err := api.Terminals(t.Context(), "id"); err != nil || len(list) != 1 || list[0].Exit.Code != 2 {
		t.Errorf("terminals: %+v %v", list, err)
	}
	if err := api.CloseTerminal(t.Context(), "id", "a b/..%"); err != nil {
		t.Error(err)
	}
	if err := api.CloseTerminal(t.Context(), "id", ".."); !errors.Is(err, ErrBadRequest) {
		t.Errorf("a terminal called ..: %v", err)
	}
	if err := api.Logout(t.Context()); err != nil {
		t.Error(err)
	}
	want := []string{
		"POST /ide/api/users/login", "GET /ide/api/workspace/id/terminals",
		"DELETE /ide/api/workspace/id/terminals/a%20b%2F..%25", "POST /ide/api/users/logout",
	}
	if fmt.Sprint(calls) != fmt.Sprint(want) {
		t.Errorf("calls are %q", calls)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
		want   error
		text   string
	}{
		{401, `{"status":401,"code":"unauthenticated","detail":"sign in first"}`, ErrUnauthenticated, "sign in first (401)"},
		{403, `{}`, ErrForbidden, "Forbidden (403)"},
		{404, `{"title":"Not Found"}`, ErrNotFound, "Not Found (404)"},
		{422, `{"detail":"no"}`, ErrBadRequest, "no (422)"},
		{502, `<html>`, nil, "Bad Gateway (502)"},
		{200, `<html>`, nil, "not this API's"},
	} {
		api := server(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = fmt.Fprint(w, c.body)
		})
		_, err := api.Terminals(t.Context(), "id")
		if err == nil || !strings.Contains(err.Error(), c.text) || (c.want != nil && !errors.Is(err, c.want)) {
			t.Errorf("%d: %v", c.status, err)
		}
	}
}
