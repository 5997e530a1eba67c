package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// completion returns a script that completes the tool's flags, subcommands and
// file names in the given shell.
func completion(shell string, app *kong.Application) string {
	var words []string
	describe := map[string]string{}
	add := func(word, help string) {
		if _, ok := describe[word]; !ok {
			words = append(words, word)
		}
		describe[word] = strings.SplitN(strings.TrimSuffix(help, "."), "\n", 2)[0]
	}
	for _, leaf := range append([]*kong.Node{app.Node}, app.Leaves(true)...) {
		for _, group := range leaf.AllFlags(true) {
			for _, f := range group {
				add("--"+f.Name, f.Help)
			}
		}
		if leaf != app.Node && leaf.Type == kong.CommandNode {
			add(leaf.Name, leaf.Help)
		}
	}
	slices.Sort(words)
	fn := strings.ReplaceAll(app.Name, "-", "_")
	var b strings.Builder
	switch shell {
	case "bash":
		fmt.Fprintf(&b, "_%s() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]}\n", fn)
		fmt.Fprintf(&b, "\tmapfile -t COMPREPLY < <(compgen -W %s -- \"$cur\"; compgen -f -- \"$cur\")\n}\n", quote(strings.Join(words, " ")))
		fmt.Fprintf(&b, "complete -o filenames -F _%s %s\n", fn, app.Name)
	case "zsh":
		fmt.Fprintf(&b, "#compdef %s\n_%s() {\n\tlocal -a words=(\n", app.Name, fn)
		for _, w := range words {
			fmt.Fprintf(&b, "\t\t%s\n", quote(w+":"+strings.ReplaceAll(describe[w], ":", "\\:")))
		}
		fmt.Fprintf(&b, "\t)\n\t_describe %s words\n\t_files\n}\ncompdef _%s %s\n", quote(app.Name), fn, app.Name)
	case "fish":
		for _, w := range words {
			if long, ok := strings.CutPrefix(w, "--"); ok {
				fmt.Fprintf(&b, "complete -c %s -l %s -d %s\n", app.Name, long, quote(describe[w]))
			} else {
				fmt.Fprintf(&b, "complete -c %s -a %s -d %s\n", app.Name, w, quote(describe[w]))
			}
		}
	}
	return b.String()
}

// quote returns s as one word for a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
