package terminal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// rcFile is what bash reads first. What the user's own .bashrc says comes after it and wins.
const rcFile = `# Written at every start of the agent. Put your own settings into ~/.bashrc.
[ -r /etc/bash.bashrc ] && . /etc/bash.bashrc
PS1='\[\e[1;32m\]app\[\e[0m\]:\[\e[1;34m\]\w\[\e[0m\]\$ '
HISTFILE=%s
HISTSIZE=10000
HISTCONTROL=ignoreboth
shopt -s histappend checkwinsize
# Tells terminals where a command's output begins, and how the command ended (OSC 133).
PS0='\e]133;C\a'
PROMPT_COMMAND='printf "\033]133;D;%%s\007" "$?"; history -a'
alias ls='ls --color=auto' grep='grep --color=auto' ll='ls -l'
[ -r ~/.bashrc ] && . ~/.bashrc
`

// ShellCommand is the command line of an interactive shell. Bash gets a start file in the state folder with
// a readable prompt, and a history that does not lie in the workspace.
func ShellCommand(shell, state string) ([]string, error) {
	if filepath.Base(shell) != "bash" {
		return []string{shell}, nil
	}
	rc := filepath.Join(state, "bashrc")
	history := "'" + strings.ReplaceAll(filepath.Join(state, "bash_history"), "'", `'\''`) + "'"
	if err := os.WriteFile(rc, fmt.Appendf(nil, rcFile, history), 0o600); err != nil {
		return nil, fmt.Errorf("write the shell's start file: %w", err)
	}
	return []string{shell, "--rcfile", rc, "-i"}, nil
}
