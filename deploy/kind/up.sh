#!/usr/bin/env bash
# The product on a cluster of kind, with Docker: makes the cluster, builds and loads the images, and installs the overlay
# `kind` with a PostgreSQL of its own. May be run again: it brings what has changed. `kind delete cluster --name
# coding-platform` takes all of it away.
set -euo pipefail
cd "$(dirname "$0")/../.."
for program in docker kind kubectl; do
  command -v "$program" >/dev/null || { echo "kind: $program is needed; without Docker there is make cluster-up" >&2; exit 1; }
done
arch=$(go env GOARCH)
kind get clusters | grep --quiet --line-regexp coding-platform || kind create cluster --config deploy/kind/cluster.yaml
k() { kubectl --context kind-coding-platform "$@"; }

mkdir -p "build/images/$arch"
CGO_ENABLED=0 GOOS=linux go build -trimpath -ldflags "-s -w -X main.version=kind" -o "build/images/$arch/" ./cmd/agent ./cmd/backend
images/tools.sh "$arch"
for image in backend code-execution; do
  tar --create --file=- "images/$image/Dockerfile" "build/images/$arch"/{agent,backend,tools} |
    docker build --build-arg "TARGETARCH=$arch" --file "images/$image/Dockerfile" --tag "localhost/$image:dev" -
  kind load docker-image --name coding-platform "localhost/$image:dev"
done

k apply -f deploy/base/01-namespace.yaml
secret() { k get secret -n coding-platform "$1" >/dev/null 2>&1 || k create secret generic -n coding-platform "$@"; }
password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
secret postgres "--from-literal=password=$password"
password=$(k get secret -n coding-platform postgres -o 'go-template={{.data.password | base64decode}}')
secret backend-database "--from-literal=url=postgres://platform:$password@postgres/platform?sslmode=disable"
go run ./cmd/backend authority >build/images/ca.pem
secret backend-identity --from-file=ca.pem=build/images/ca.pem
rm build/images/ca.pem
k apply -f deploy/kind/postgres.yaml -f deploy/kind/node-port.yaml
k apply -k deploy/overlays/kind
k rollout status deployment/postgres -n coding-platform --timeout=180s
k rollout restart deployment/backend -n coding-platform
k rollout status deployment/backend -n coding-platform --timeout=180s
echo "kind: http://localhost:8080"
