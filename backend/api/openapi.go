package api

import (
	"bytes"
	_ "embed" // the document
	"net/http"
	"time"
)

// openapiDocument is the reference of this API; a test holds it and the routes equal.
//
//go:embed openapi.json
var openapiDocument []byte

func (s *server) openapi(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "application/openapi+json;version=3.1")
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(openapiDocument))
	return nil
}
