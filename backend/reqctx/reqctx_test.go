package reqctx_test

import (
	"testing"

	"codingplatform/backend"
	"codingplatform/backend/reqctx"
)

func TestValuesAreKeptApart(t *testing.T) {
	ctx := t.Context()
	if user, ok := reqctx.User(ctx); ok {
		t.Errorf("an empty context has the user %v", user)
	}
	if id := reqctx.RequestID(ctx); id != "" {
		t.Errorf("an empty context has the request ID %q", id)
	}
	if client := reqctx.ClientOf(ctx); client != (reqctx.Client{}) {
		t.Errorf("an empty context has the client %v", client)
	}

	ctx = reqctx.WithUser(ctx, backend.User{ID: "u", Username: "ada"})
	ctx = reqctx.WithRequestID(ctx, "r")
	ctx = reqctx.WithClient(ctx, reqctx.Client{Addr: "192.0.2.1", UserAgent: "a"})
	if user, ok := reqctx.User(ctx); !ok || user.Username != "ada" {
		t.Errorf("user: %v, %v", user, ok)
	}
	if id := reqctx.RequestID(ctx); id != "r" {
		t.Errorf("request ID: %q", id)
	}
	if client := reqctx.ClientOf(ctx); client.Addr != "192.0.2.1" || client.UserAgent != "a" {
		t.Errorf("client: %v", client)
	}
}
