package api

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"codingplatform/backend"
)

// statuses is the contract: docs/api/http.md says the same in words.
var statuses = map[backend.Code]int{
	backend.CodeInvalid:            http.StatusUnprocessableEntity,
	backend.CodeUnauthenticated:    http.StatusUnauthorized,
	backend.CodeForbidden:          http.StatusForbidden,
	backend.CodeNotFound:           http.StatusNotFound,
	backend.CodeAlreadyExists:      http.StatusConflict,
	backend.CodeConflict:           http.StatusConflict,
	backend.CodePreconditionFailed: http.StatusPreconditionFailed,
	backend.CodeTooLarge:           http.StatusRequestEntityTooLarge,
	backend.CodeRateLimited:        http.StatusTooManyRequests,
	backend.CodeUnavailable:        http.StatusServiceUnavailable,
	backend.CodeStaleLease:         http.StatusServiceUnavailable,
	backend.CodeInternal:           http.StatusInternalServerError,
	codeCrossOrigin:                http.StatusForbidden,
	codeMethodNotAllowed:           http.StatusMethodNotAllowed,
}

func TestEveryCodeHasItsStatus(t *testing.T) {
	declared := append(declaredCodes(t, "../error.go"), declaredCodes(t, "status.go")...)
	if len(declared) != len(statuses) {
		t.Errorf("%d codes are declared, the table has %d", len(declared), len(statuses))
	}
	for _, code := range declared {
		want, ok := statuses[code]
		if !ok {
			t.Errorf("the code %q has no status in the contract", code)
			continue
		}
		if got := statusOf(code); got != want {
			t.Errorf("statusOf(%q) = %d, want %d", code, got, want)
		}
	}
	if got := statusOf("of_tomorrow"); got != http.StatusInternalServerError {
		t.Errorf("an unknown code became %d", got)
	}
}

// declaredCodes reads the Code constants out of a source file, so that a new one cannot be forgotten here.
func declaredCodes(t *testing.T, file string) []backend.Code {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []backend.Code
	ast.Inspect(tree, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 || !strings.HasPrefix(strings.ToLower(spec.Names[0].Name), "code") {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		value, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, backend.Code(value))
		return true
	})
	if len(codes) == 0 {
		t.Fatalf("no codes found in %s", file)
	}
	return codes
}
