// Package deploy holds the manifests; its tests apply them to a real cluster (`make e2e-cluster`).
package deploy
