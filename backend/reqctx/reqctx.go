package reqctx

import (
	"context"

	"codingplatform/backend"
)

type (
	userKey      struct{}
	signInKey    struct{}
	requestIDKey struct{}
	clientKey    struct{}
)

// Client is where a request came from, as the client and the proxies in front say it: for logs and limits, not
// for trust.
type Client struct {
	// Addr is the client's IP address without a port.
	Addr string
	// UserAgent is cut to 256 bytes.
	UserAgent string
}

// WithUser returns a context of a request that user has signed in for.
func WithUser(ctx context.Context, user backend.User) context.Context {
	return context.WithValue(ctx, userKey{}, user)
}

// User returns who has signed in; false when nobody has.
func User(ctx context.Context) (backend.User, bool) {
	user, ok := ctx.Value(userKey{}).(backend.User)
	return user, ok
}

// WithSignIn returns a context of a request with what it was signed in by.
func WithSignIn(ctx context.Context, signIn backend.SignIn) context.Context {
	return context.WithValue(ctx, signInKey{}, signIn)
}

// SignInOf returns by what a request was signed in, the zero value when it was not.
func SignInOf(ctx context.Context) backend.SignIn {
	signIn, ok := ctx.Value(signInKey{}).(backend.SignIn)
	if !ok {
		return backend.SignIn{}
	}
	return signIn
}

// WithRequestID returns a context with the ID that the request is logged under.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID returns the ID that the request is logged under, "" outside a request.
func RequestID(ctx context.Context) string {
	id, ok := ctx.Value(requestIDKey{}).(string)
	if !ok {
		return ""
	}
	return id
}

// WithClient returns a context with where the request came from.
func WithClient(ctx context.Context, client Client) context.Context {
	return context.WithValue(ctx, clientKey{}, client)
}

// ClientOf returns where the request came from, the zero value outside a request.
func ClientOf(ctx context.Context) Client {
	client, ok := ctx.Value(clientKey{}).(Client)
	if !ok {
		return Client{}
	}
	return client
}
