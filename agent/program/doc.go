// Package program builds the commands that run for users: in the workspace, with a clean environment. It is
// the one place that decides what of the agent's own surroundings a user's program sees: nothing but what
// Base.Env names.
package program
