// Package reap is the agent's duty as process 1 of a container: to wait for every orphan and to pass signals
// on. It does nothing else, in a process of its own: the agent proper is its child. In one process, waiting for
// any child would take exit statuses away from os/exec, which waits for its own children.
//
//	process 1 (Init) ── starts ─▶ the agent ── starts ─▶ shells ── start ─▶ … orphans come back to process 1
//
// When the agent ends, Init ends with its status, and the kernel kills whatever is left in the namespace.
package reap
