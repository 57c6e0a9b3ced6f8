#!/usr/bin/env bash
# Compares the contract with that of the commit before the change: the branch it will be merged to (BASE), else
# the commit before this one. The first commit of a clone has none.
set -euo pipefail
cd "$(dirname "$0")/.."
base=${BASE:-HEAD~1}
if ! git rev-parse --verify --quiet "$base:proto" >/dev/null; then
  echo "buf breaking: $base has no proto/, nothing to compare with"
  exit 0
fi
before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT
git archive "$base" proto | tar -x -C "$before"
cd proto
go tool -modfile=../tools/go.mod buf breaking --against "$before/proto"
