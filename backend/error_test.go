package backend_test

import (
	"errors"
	"io"
	"testing"

	"codingplatform/backend"
)

// TestErrorText: a cause is in the text once, wherever it was put.
func TestErrorText(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"unavailable: the agent does not listen: EOF": backend.Errorf(backend.CodeUnavailable, "the agent does not listen: %w", io.EOF),
		"internal: read the file: EOF":                &backend.Error{Code: backend.CodeInternal, Message: "read the file", Err: io.EOF},
		"not_found: no such file":                     backend.Errorf(backend.CodeNotFound, "no such file"),
		"invalid_input: EOF in line 3: EOF":           backend.Errorf(backend.CodeInvalid, "%w in line 3", io.EOF),
	} {
		if got := err.Error(); got != want {
			t.Errorf("the text is %q, want %q", got, want)
		}
		if backend.CodeOf(err) != backend.CodeNotFound && !errors.Is(err, io.EOF) {
			t.Errorf("%q has lost its cause", want)
		}
	}
}
