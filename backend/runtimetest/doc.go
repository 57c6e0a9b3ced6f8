// Package runtimetest holds every backend.Runtime to the port's contract, with real environments and real
// agents in them.
package runtimetest
