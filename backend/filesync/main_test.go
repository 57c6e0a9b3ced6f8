package filesync_test

import (
	"flag"
	"os"
	"testing"
	"time"
)

// Settings of the model test: go test ./backend/filesync -run TestModel -model.seed=7 -model.for=10m.
var (
	modelSeed = flag.Uint64("model.seed", 0, "seed of the model test; 0: a random one")
	modelFor  = flag.Duration("model.for", time.Minute, "how long the model test runs")
)

func TestMain(m *testing.M) {
	if os.Getenv(asAgent) != "" {
		os.Exit(agentMain(os.Stdin, os.Stdout, os.Stderr))
	}
	if os.Getenv(asReplica) != "" {
		os.Exit(replicaMain(os.Stdin, os.Stderr))
	}
	os.Exit(m.Run())
}
