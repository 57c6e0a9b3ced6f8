#!/usr/bin/env bash
# Brings the packages of npm that the image code-execution has, as their lock file names them: `images/tools.sh ARCH...`
# writes build/images/ARCH/tools, for amd64 or arm64. Quick when that is there.
set -euo pipefail
cd "$(dirname "$0")/.."
for arch in "$@"; do
  case $arch in amd64) cpu=x64 ;; arm64) cpu=arm64 ;; *) echo "images: no tools for $arch" >&2 && exit 1 ;; esac
  to=build/images/$arch/tools
  [ -e "$to/.stamp" ] && cmp --silent images/code-execution/tools/package-lock.json "$to/package-lock.json" && continue
  rm -rf "$to" && mkdir -p "$to"
  cp images/code-execution/tools/package*.json "$to/"
  npm ci --prefix "$to" --ignore-scripts --os=linux --cpu="$cpu" --no-audit --no-fund --loglevel=error
  touch "$to/.stamp"
done
