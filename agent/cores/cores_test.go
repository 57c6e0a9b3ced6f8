package cores_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"codingplatform/agent/cores"
)

func TestProcessorsFollowWhoWantsThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var set []int
		c := cores.New(4, func(n int) { set = append(set, n) })
		check := func(when string, want ...int) {
			t.Helper()
			synctest.Wait()
			if diff := cmp.Diff(want, set); diff != "" {
				t.Errorf("%s (-want +got):\n%s", when, diff)
			}
		}
		check("at first", 1)
		first, second := c.More(), c.More()
		check("two want them", 1, 4)
		first()
		time.Sleep(time.Minute)
		check("one still wants them", 1, 4)
		second()
		time.Sleep(500 * time.Millisecond)
		check("shortly after", 1, 4)
		again := c.More()
		time.Sleep(time.Minute)
		check("wanted again before they went", 1, 4)
		again()
		time.Sleep(2 * time.Second)
		check("after a while", 1, 4, 1)
	})
}
