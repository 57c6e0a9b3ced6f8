package api_test

import (
	"net/http"
	"strings"
	"testing"

	"codingplatform/backend"
	"codingplatform/backend/api"
)

func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token := s.register("ada")
	cookie := "session_token=" + token
	send := func(status int, header ...string) {
		t.Helper()
		all := map[string]string{"Cookie": cookie}
		for i := 0; i+1 < len(header); i += 2 {
			all[header[i]] = header[i+1]
		}
		res := s.do(request{method: "POST", path: "/api/sessions/", body: `{}`, header: all})
		if res.StatusCode != status {
			t.Errorf("%v answers %d, not %d: %s", header, res.StatusCode, status, res.body)
		}
		if status == http.StatusForbidden && !strings.Contains(string(res.body), "cross_origin") {
			t.Errorf("%v answers %s", header, res.body)
		}
	}
	send(http.StatusForbidden, "Origin", evil, "Sec-Fetch-Site", "cross-site")
	send(http.StatusForbidden, "Origin", evil, "Sec-Fetch-Site", "same-site")
	send(http.StatusForbidden, "Origin", evil) // an old browser
	send(http.StatusForbidden, "Origin", "null", "Sec-Fetch-Site", "cross-site")
	send(http.StatusForbidden, "Origin", "null")
	send(http.StatusForbidden, "Origin", friend+".evil.example.org", "Sec-Fetch-Site", "cross-site")
	send(http.StatusForbidden, "Origin", evil, "Sec-Fetch-Site", "cross-site", "Content-Type", "text/plain") // a form
	send(http.StatusCreated, "Origin", friend, "Sec-Fetch-Site", "cross-site")
	send(http.StatusCreated, "Origin", s.url, "Sec-Fetch-Site", "same-origin")
	send(http.StatusCreated, "Origin", s.url)
	send(http.StatusCreated) // no browser
	send(http.StatusCreated, "Origin", evil, "Authorization", "Bearer "+token)
	// Nobody is signed in by another page either.
	res := s.do(request{
		method: "POST", path: "/api/users/login", body: `{"username":"ada","password":"correct horse"}`,
		header: map[string]string{"Origin": evil, "Sec-Fetch-Site": "cross-site"},
	})
	if res.StatusCode != http.StatusForbidden || len(res.Cookies()) != 0 {
		t.Errorf("a login from another page answers %d %v", res.StatusCode, res.Cookies())
	}
	// A link is followed.
	s.want(http.StatusOK, request{method: "GET", path: "/api/sessions", header: map[string]string{"Cookie": cookie, "Sec-Fetch-Site": "cross-site"}}, nil)
}

func TestSockets(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token := s.register("ada")
	socket := func(origin, credential string) response {
		header := map[string]string{"Upgrade": "websocket", "Connection": "Upgrade"}
		if origin != "" {
			header["Origin"] = origin
		}
		if name, value, ok := strings.Cut(credential, ": "); ok {
			header[name] = value
		}
		return s.do(request{method: "GET", path: "/ws?session=x", header: header})
	}
	for _, credential := range []string{"Cookie: session_token=" + token, "Authorization: Bearer " + token} {
		for _, origin := range []string{"", s.url, friend} {
			if got := socket(origin, credential); string(got.body) != "relay for ada" {
				t.Errorf("%s from %q: %d %q", credential, origin, got.StatusCode, got.body)
			}
		}
	}
	if got := socket(evil, "Cookie: session_token="+token); got.StatusCode != http.StatusForbidden {
		t.Errorf("from another page: %d %q", got.StatusCode, got.body)
	}
	// The relay itself says that nobody is signed in, in a way that a script can read.
	for _, credential := range []string{"", "Cookie: session_token=wrong", "Authorization: Bearer wrong"} {
		if got := socket("", credential); string(got.body) != "relay for " {
			t.Errorf("%q: %d %q", credential, got.StatusCode, got.body)
		}
	}
	s.wantCode(http.StatusMethodNotAllowed, "method_not_allowed", request{method: "POST", path: "/ws"})
	s.wantCode(http.StatusNotFound, backend.CodeNotFound, request{method: "GET", path: "/ws/x"})
}

func TestCORS(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token := s.register("ada")
	for origin, allowed := range map[string]string{friend: friend, evil: "", "null": "", s.url: ""} {
		preflight := s.do(request{method: "OPTIONS", path: "/api/sessions/", header: map[string]string{"Origin": origin, "Access-Control-Request-Method": "PATCH"}})
		simple := s.want(http.StatusOK, request{method: "GET", path: "/api/sessions/", token: token, header: map[string]string{"Origin": origin}}, nil)
		failed := s.want(http.StatusUnauthorized, request{method: "GET", path: "/api/sessions/", header: map[string]string{"Origin": origin}}, nil)
		for _, res := range []response{preflight, simple, failed} {
			h := res.Header
			if h.Get("Access-Control-Allow-Origin") != allowed || (h.Get("Access-Control-Allow-Credentials") == "true") != (allowed != "") || !strings.Contains(strings.Join(h.Values("Vary"), ","), "Origin") {
				t.Errorf("%s from %s: %v", res.Request.Method, origin, h)
			}
		}
		if preflight.StatusCode != http.StatusNoContent || strings.Contains(preflight.Header.Get("Access-Control-Allow-Methods"), "PATCH") != (allowed != "") {
			t.Errorf("preflight from %s: %d %v", origin, preflight.StatusCode, preflight.Header)
		}
	}
}

func TestWrongConfiguration(t *testing.T) {
	t.Parallel()
	if _, err := api.New(api.Config{}); err == nil || !strings.Contains(err.Error(), "Config.Store is missing") {
		t.Errorf("nothing configured: %v", err)
	}
}

func TestOriginsAreChecked(t *testing.T) {
	t.Parallel()
	var cfg api.Config
	newServer(t, func(c *api.Config) { cfg = *c })
	for _, origin := range []string{"example.org", "https://example.org/path", "*", "ftp://example.org", "https://", "null"} {
		cfg.AllowedOrigins = []string{origin}
		if _, err := api.New(cfg); err == nil {
			t.Errorf("the allowed origin %q was taken", origin)
		}
	}
}
