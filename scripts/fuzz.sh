#!/usr/bin/env bash
# Runs every fuzz test of the module for the given time each.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-20s}
grep -rln --include='*_test.go' '^func Fuzz' agent backend client cmd proto | xargs -n1 dirname | sort -u | while read -r dir; do
  grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$dir"/*_test.go | cut -c6- | sort -u | while read -r name; do
    echo "fuzzing ./$dir $name for $time"
    go test "./$dir" -run='^$' -fuzz="^$name\$" -fuzztime="$time"
  done
done
