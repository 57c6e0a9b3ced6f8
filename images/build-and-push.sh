#!/usr/bin/env bash
# Builds both images for amd64 and arm64 with docker buildx and pushes them:
# `images/build-and-push.sh PREFIX TAG` pushes PREFIX/coding-platform-backend:TAG and PREFIX/code-execution:TAG.
# The frontend must have been built (`make build`): it is inside of the backend.
set -euo pipefail
cd "$(dirname "$0")/.."
prefix=${1:?usage: images/build-and-push.sh PREFIX TAG}
tag=${2:?usage: images/build-and-push.sh PREFIX TAG}
[ -e backend/web/dist/index.html ] || { echo "build-and-push: run make build first" >&2; exit 1; }
for arch in amd64 arm64; do
  mkdir -p "build/images/$arch"
  CGO_ENABLED=0 GOOS=linux GOARCH=$arch go build -trimpath -ldflags "-s -w -X main.version=$tag" -o "build/images/$arch/" ./cmd/agent ./cmd/backend
done
images/tools.sh amd64 arm64
push() { # directory, name
  # A context of the programs alone, under the path that the Dockerfile has.
  tar --create --file=- "images/$1/Dockerfile" build/images/{amd64,arm64}/{agent,backend,tools} |
    docker buildx build --platform linux/amd64,linux/arm64 --file "images/$1/Dockerfile" --tag "$prefix/$2:$tag" --push -
}
push backend coding-platform-backend
push code-execution code-execution
