#!/usr/bin/env bash
# Runs every benchmark. x-floor is the measured thing as a multiple of its floor in the same run.
set -euo pipefail
cd "$(dirname "$0")/.."
grep -rln --include='*_test.go' '^func Benchmark' agent backend cmd | xargs -n1 dirname | sort -u | while read -r dir; do
  go test "./$dir" -run='^$' -bench=. -benchtime="${BENCHTIME:-3x}" -timeout=20m
done
