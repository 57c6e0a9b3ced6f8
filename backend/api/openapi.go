package api

import (
	_ "embed" // the document
	"fmt"
	"net/http"
	"strconv"
)

// openapiDocument is the reference of this API; a test holds it and the routes equal.
//
//go:embed openapi.json
var openapiDocument []byte

func (s *server) openapi(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/openapi+json;version=3.1")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Length", strconv.Itoa(len(openapiDocument)))
	if _, err := w.Write(openapiDocument); err != nil {
		return fmt.Errorf("send the document: %w", err)
	}
	return nil
}
