// Package process runs programs without a terminal: formatters, checks, API calls. A process lives no longer
// than the call that started it: when its context ends or its time is up, its process group gets SIGTERM and
// 2 s later SIGKILL.
//
// Output is handed on as it comes, with nothing queued: a caller that does not take it slows the program
// down, until its time is up. Package process may import agent/program and agent/sysinfo only.
package process
