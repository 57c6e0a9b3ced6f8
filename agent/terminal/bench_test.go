package terminal_test

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"codingplatform/agent/agenttest"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// BenchmarkStream is what one viewer of the agent gets, over mutual TLS and HTTP/2, in this process.
func BenchmarkStream(b *testing.B) {
	const size = 64 << 20
	a := agenttest.Start(b, nil)
	b.SetBytes(size)
	rounds, before := 0, spent(b)
	for n := 0; b.Loop(); n++ {
		v := begin(b, a, fmt.Sprint("t", n), "x", func(o *agentv1.AttachOpen) {
			o.Create.Command = []string{"sh", "-c", fmt.Sprintf("yes 0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz | head -c %d", size)}
		})
		for v.exit == nil {
			if err := v.step(); err != nil {
				b.Fatal(err)
			}
			v.out.Reset()
		}
		v.leave()
		rounds++
	}
	b.ReportMetric((spent(b)-before).Seconds()/float64(rounds)*1e8/size, "cpu-s/100MB")
}

// spent is the CPU time of this process so far, without that of the programs.
func spent(b *testing.B) time.Duration {
	b.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
