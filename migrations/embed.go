// Package migrations holds the database's schema as numbered SQL files for goose.
package migrations

import "embed"

// FS holds the migrations, in its root.
//
//go:embed *.sql
var FS embed.FS
