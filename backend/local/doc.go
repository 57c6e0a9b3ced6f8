// Package local is the Runtime for one machine: every environment is a bubblewrap sandbox with the agent as
// its first process.
//
// A sandbox has user, pid, ipc, mount, uts and cgroup namespaces of its own, no capabilities, no_new_privs and
// no further user namespaces. It sees the machine's /usr read-only, a small /etc, its own /tmp, /proc and
// /dev, the session's files at /app and a home at /home/user; of the host nothing else. It shares the
// machine's network unless that is set to none. Started by root, it belongs to another user (run-as).
//
// The layout of a session's directory, Config.DataDir/sessions/<session>/:
//
//	app/ home/ state/   the sandbox's /app, /home/user and /var/lib/agent: the volume
//	run/                its /run/agent, of the agent's socket
//	etc/                its /etc, made anew for each environment
//	environment.json    of the live environment: its ID, its processes, its cgroups
//	status.json         what bwrap says: the PID, and in the end the exit code
//	agent.log           what bwrap and the agent write to standard error
//	lock                held while something is started, stopped or removed
//
// Only app, home, state and run belong to the sandbox's user. The rest is the backend's, and not visible inside.
//
// An environment lives as long as its first process, and does not end with the backend: environment.json names
// it by PID, start time and boot, so that the next backend finds it again. What it finds dead it cleans: socket,
// cgroups, record. An agent that no backend calls ends by itself after Config.OrphanTimeout.
//
// Why an environment ended is told from the exit code in status.json, the kernel's count of kills for want of
// memory, and the last lines of agent.log. These survive the backend, too.
package local
