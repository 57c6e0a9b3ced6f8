// Package cli is what a person at a shell, or a script, does with a server: sign in, list sessions, and attach the
// terminal here to a terminal there. docs/cli.md is its manual.
//
// attach has two ways. With a terminal on both sides it is raw and shows a screen; what the program there has set in
// it is undone on each way out, a panic and a signal included. Without one it is a pipe: standard input, standard
// output, every byte once. Reconnecting is package client's.
package cli
