package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
)

// Formats are the names of the formats that Write knows.
var formats = map[string]func(io.Writer, *Report, TextOptions) error{
	"json":     func(w io.Writer, r *Report, _ TextOptions) error { return WriteJSON(w, r) },
	"text":     WriteText,
	"junit":    writeJUnit,
	"markdown": writeMarkdown,
	"html":     writeHTML,
}

// Write writes the report in the format of that name: json, text, junit,
// markdown or html.
func Write(w io.Writer, format string, r *Report, o TextOptions) error {
	f, ok := formats[format]
	if !ok {
		return fmt.Errorf("unknown report format %q: json, text, junit, markdown or html", format)
	}
	return f(w, r, o)
}

// Known reports whether Write knows the format.
func Known(format string) bool { return formats[format] != nil }

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitFailure `xml:"failure,omitempty"`
	Error   *junitFailure `xml:"error,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// writeJUnit writes a suite per service with a case per action, which fails
// with the distinct differences of that action. Cases per call would swamp the
// pages that show such files.
func writeJUnit(w io.Writer, r *Report, _ TextOptions) error {
	doc := junitSuites{Name: "cloudmock"}
	for _, s := range r.Services {
		suite := junitSuite{Name: xmlText(orUnknown(s.Name))}
		for _, a := range s.Actions {
			c := junitCase{Class: suite.Name, Name: xmlText(orUnknown(a.Name))}
			if a.Mismatched+a.Errors > 0 {
				f := &junitFailure{Type: "difference", Message: fmt.Sprintf("%d of %s match", a.Matched, plural(a.Total, "call"))}
				for _, i := range r.Issues {
					if i.Service == s.Name && i.Action == a.Name {
						f.Text += fmt.Sprintf("%d× %s (%s, first in %s)\n", i.Count, xmlText(i.Example), xmlText(i.Severity), xmlText(i.EntryID))
					}
				}
				if a.Mismatched == 0 {
					f.Type, c.Error = "error", f
					suite.Errors++
				} else {
					c.Failure = f
					suite.Failures++
				}
			}
			suite.Tests++
			suite.Cases = append(suite.Cases, c)
		}
		doc.Tests += suite.Tests
		doc.Failures += suite.Failures
		doc.Errors += suite.Errors
		doc.Suites = append(doc.Suites, suite)
	}
	b, err := xml.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, b)
	return err
}

// xmlText spells characters that XML 1.0 cannot hold, and those that a terminal
// would act on.
func xmlText(s string) string { return safe(s, 2000) }

// writeMarkdown writes a summary for a pull request or a job's page.
func writeMarkdown(w io.Writer, r *Report, o TextOptions) error {
	var b bytes.Buffer
	word := "✅"
	if r.Failed(o.MinCompat) || r.TotalRequests == 0 {
		word = "❌"
	}
	fmt.Fprintf(&b, "## %s %s %% compatible\n\n%d of %s matched, %d mismatched, %d without answer.\n",
		word, pct(r), r.Matched, plural(r.TotalRequests, "call"), r.Mismatched, r.Errors)
	if len(r.Services) > 0 {
		b.WriteString("\n| service | calls | matched | mismatched | without answer |\n| --- | ---: | ---: | ---: | ---: |\n")
		for _, s := range r.Services {
			fmt.Fprintf(&b, "| %s | %d | %d | %d | %d |\n", mdCode(orUnknown(s.Name)), s.Total, s.Matched, s.Mismatched, s.Errors)
		}
	}
	if len(r.Issues) > 0 {
		b.WriteString("\n| calls | where | difference | severity | first in |\n| ---: | --- | --- | --- | --- |\n")
		limit := o.Issues
		if limit == 0 {
			limit = 50
		}
		for n, i := range r.Issues {
			if n == limit {
				fmt.Fprintf(&b, "\n… and %d more.\n", len(r.Issues)-n)
				break
			}
			fmt.Fprintf(&b, "| %d | %s | %s | %s | %s |\n", i.Count, mdCode(orUnknown(i.Service)+" "+orUnknown(i.Action)),
				mdCode(i.Example), mdCode(i.Severity), mdCode(i.EntryID))
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// mdCode returns s as a code span in a table's cell: nothing in it is markup, a
// mention, or a workflow command.
func mdCode(s string) string {
	s = strings.ReplaceAll(safe(s, 200), "|", "\\|")
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if fence != "`" || s == "" || s[0] == '`' {
		s = " " + s + " "
	}
	return fence + s + fence
}

func pct(r *Report) string { return strconv.FormatFloat(r.CompatibilityPct, 'f', -1, 64) }

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"safe": func(s string) string { return safe(s, 400) },
	"name": orUnknown,
	"pct":  pct,
	"list": func(s []string) string { return strings.Join(s, "\n") },
}).Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{{pct .Report}} % compatible</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #1c1e21; background: #fff }
h1 { font-size: 1.6rem } .pass { color: #14783c } .fail { color: #b3261e }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 } th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums } tr.action td:first-child { padding-left: 2rem }
code, pre { font: 13px/1.4 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 }
@media (prefers-color-scheme: dark) { body { color: #e4e6eb; background: #18191a } th, td { border-color: #3a3b3c } .pass { color: #57d98a } .fail { color: #ff8a80 } }
</style>
</head>
<body>
<h1 class="{{if .Failed}}fail{{else}}pass{{end}}">{{pct .Report}} % compatible</h1>
<p>{{.Report.Matched}} of {{.Report.TotalRequests}} calls matched, {{.Report.Mismatched}} mismatched, {{.Report.Errors}} without answer.</p>
<table>
<tr><th>service, action<th class="n">calls<th class="n">matched<th class="n">mismatched<th class="n">without answer</tr>
{{range .Report.Services}}<tr><td><b>{{name .Name | safe}}</b><td class="n">{{.Total}}<td class="n">{{.Matched}}<td class="n">{{.Mismatched}}<td class="n">{{.Errors}}</tr>
{{range .Actions}}<tr class="action"><td>{{name .Name | safe}}<td class="n">{{.Total}}<td class="n">{{.Matched}}<td class="n">{{.Mismatched}}<td class="n">{{.Errors}}</tr>
{{end}}{{end}}</table>
{{if .Report.Issues}}<h2>Distinct differences, worst first</h2>
<table>
<tr><th class="n">calls<th>where<th>difference<th>severity<th>first in</tr>
{{range .Report.Issues}}<tr><td class="n">{{.Count}}<td>{{name .Service | safe}} {{name .Action | safe}}<td><code>{{.Example | safe}}</code><td>{{.Severity | safe}}<td><code>{{.EntryID | safe}}</code></tr>
{{end}}</table>{{end}}
{{if .Report.Mismatches}}<h2>Calls</h2>
<table>
<tr><th>entry<th>call<th class="n">AWS<th class="n">replay<th>differences</tr>
{{range .Report.Mismatches}}<tr><td><code>{{.EntryID | safe}}</code><td>{{name .Service | safe}} {{name .Action | safe}}<td class="n">{{.OriginalStatus}}<td class="n">{{.ReplayStatus}}<td>{{range .Diffs}}<pre>{{. | safe}}</pre>{{end}}</tr>
{{end}}</table>{{end}}
{{if .Report.MismatchesOmitted}}<p>{{.Report.MismatchesOmitted}} more calls differ.</p>{{end}}
</body>
</html>
`))

// writeHTML writes one page that loads nothing and runs nothing.
func writeHTML(w io.Writer, r *Report, o TextOptions) error {
	return page.Execute(w, struct {
		Report *Report
		Failed bool
	}{r, r.Failed(o.MinCompat) || r.TotalRequests == 0})
}
