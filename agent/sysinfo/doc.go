// Package sysinfo reads what the kernel tells about the environment of the agent: processes from /proc, and
// memory, CPU and limits from the control group. It only reads, holds no state and imports nothing of the
// agent. Everything it reads may vanish between two reads; a process that has gone is left out, never an
// error.
package sysinfo
