// Package figures has matplotlib write what it would show in a window: PNG files in a folder of the workspace, from
// where they reach the browser as any changed file does. A program needs no change for it; the environment names a
// backend, which is a Python module that Install writes beside the agent's other files.
//
// A program that replaces PYTHONPATH instead of adding to it does not find the module: matplotlib says so by its
// name. One that chooses a backend by itself, or saves its figures by itself, is left alone.
package figures
