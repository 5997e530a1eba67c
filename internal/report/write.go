package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"
)

// WriteJSON writes the report as one JSON document.
func WriteJSON(w io.Writer, r *Report) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return err
	}
	// Recorded text may end up on a terminal: spell what would change its look.
	out := make([]byte, 0, b.Len())
	for in := b.Bytes(); len(in) > 0; {
		c, n := utf8.DecodeRune(in)
		if c != '\n' && !plain(c) && c <= 0xffff {
			out = fmt.Appendf(out, `\u%04x`, c)
		} else {
			out = append(out, in[:n]...)
		}
		in = in[n:]
	}
	_, err := w.Write(out)
	return err
}

// plain reports whether a terminal prints c and nothing else happens: no
// control character, no bidirectional or zero-width one, no line separator.
func plain(c rune) bool {
	return c == ' ' || unicode.IsGraphic(c) && !unicode.In(c, unicode.Cf, unicode.Zl, unicode.Zp)
}

// safe returns s with everything that is not plain spelled as an escape, cut
// to about width characters.
func safe(s string, width int) string {
	var b strings.Builder
	n := 0
	for _, c := range s {
		if n++; n > width {
			b.WriteString("…")
			break
		}
		if plain(c) && c != utf8.RuneError {
			b.WriteRune(c)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(c), "'"))
		}
	}
	return b.String()
}

// TextOptions say how the report for people looks.
type TextOptions struct {
	// Color marks the verdict with ANSI colours.
	Color bool
	// Issues is how many distinct differences are shown; 0 means 20, -1 all.
	Issues int
	// MinCompat is the percentage that is asked for; see Report.Failed.
	MinCompat float64
}

// WriteText writes the report for people to read: counts per service and
// action, the distinct differences with the worst first, and the verdict.
func WriteText(w io.Writer, r *Report, o TextOptions) error {
	var b bytes.Buffer
	tab := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	row := func(name string, g Group) {
		fmt.Fprintf(tab, "%s\t%s\t%d matched\t%s\t%s\n", safe(name, 60), plural(g.Total, "call"), g.Matched,
			nonzero(g.Mismatched, "mismatched"), nonzero(g.Errors, "without answer"))
	}
	for _, s := range r.Services {
		row(orUnknown(s.Name), s.Group)
		for _, a := range s.Actions {
			row("  "+orUnknown(a.Name), a)
		}
	}
	for _, e := range r.Endpoints {
		row("endpoint "+e.Name, e)
	}
	if err := tab.Flush(); err != nil {
		return err
	}
	b = trimLines(b)
	writeIssues(&b, r, o)
	writeVerdict(&b, r, o)
	_, err := w.Write(b.Bytes())
	return err
}

func writeIssues(b *bytes.Buffer, r *Report, o TextOptions) {
	if len(r.Issues) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s, worst first:\n", plural(len(r.Issues), "distinct difference"))
	limit := o.Issues
	if limit == 0 {
		limit = 20
	}
	for n, i := range r.Issues {
		if n == limit {
			fmt.Fprintf(b, "  … and %d more: see --format json\n", len(r.Issues)-n)
			break
		}
		fmt.Fprintf(b, "  %5d×  %s %s  %s  (%s, first in %s)\n", i.Count, safe(orUnknown(i.Service), 40), safe(orUnknown(i.Action), 60),
			safe(i.Example, 160), safe(i.Severity, 12), safe(i.EntryID, 60))
	}
}

func writeVerdict(b *bytes.Buffer, r *Report, o TextOptions) {
	if len(r.Allowed) > 0 {
		rules := make([]string, 0, len(r.Allowed))
		for rule := range r.Allowed {
			rules = append(rules, rule)
		}
		slices.SortFunc(rules, func(a, b string) int {
			return 2*(r.Allowed[b]-r.Allowed[a]) + strings.Compare(a, b)
		})
		for i, rule := range rules {
			rules[i] = fmt.Sprintf("%d %s", r.Allowed[rule], safe(rule, 40))
		}
		fmt.Fprintf(b, "\nLet pass as varying by nature: %s\n", strings.Join(rules, ", "))
	}
	if l := r.Latency; l != nil {
		fmt.Fprintf(b, "\nLatency in ms   p50 %.4g → %.4g   p95 %.4g → %.4g   p99 %.4g → %.4g\n",
			l.Original.P50, l.Replay.P50, l.Original.P95, l.Replay.P95, l.Original.P99, l.Replay.P99)
	}
	if c := r.Change; c != nil {
		fmt.Fprintf(b, "\nSince the baseline: %d new, %d known, %d fixed\n", len(c.New), c.Known, len(c.Fixed))
		for _, list := range []struct {
			what   string
			issues []Issue
		}{{"new  ", c.New}, {"fixed", c.Fixed}} {
			for _, i := range list.issues {
				fmt.Fprintf(b, "  %s  %s %s  %s\n", list.what, safe(orUnknown(i.Service), 40), safe(orUnknown(i.Action), 60), safe(i.Example, 160))
			}
		}
	}
	word, color := "PASS", "\x1b[1;32m"
	if r.TotalRequests == 0 {
		word, color = "NOTHING COMPARED", "\x1b[1;31m"
	} else if r.Failed(o.MinCompat) {
		word, color = "FAIL", "\x1b[1;31m"
	}
	if o.Color {
		word = color + word + "\x1b[0m"
	}
	fmt.Fprintf(b, "\n%s  %s %% compatible: %d of %s matched", word, pct(r), r.Matched, plural(r.TotalRequests, "call"))
	for _, s := range []string{nonzero(r.Mismatched, "mismatched"), nonzero(r.Errors, "without answer")} {
		if s != "" {
			b.WriteString(", " + s)
		}
	}
	if r.Attempts > 0 {
		fmt.Fprintf(b, " (%s not counted)", plural(r.Attempts, "earlier attempt"))
	}
	b.WriteByte('\n')
}

// trimLines takes the spaces off the ends of lines, where the table leaves some.
func trimLines(b bytes.Buffer) (out bytes.Buffer) {
	for line := range bytes.Lines(b.Bytes()) {
		out.Write(bytes.TrimRight(line, " \n"))
		out.WriteByte('\n')
	}
	return out
}

func nonzero(n int, what string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d %s", n, what)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func orUnknown(s string) string {
	if s == "" {
		return "(unknown)"
	}
	return s
}
