package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
)

type partition struct {
	ID          string `json:"id"`
	RegionRegex string `json:"regionRegex"`
	Outputs     struct {
		DNSSuffix          string `json:"dnsSuffix"`
		DualStackDNSSuffix string `json:"dualStackDnsSuffix"`
		ImplicitGlobal     string `json:"implicitGlobalRegion"`
	} `json:"outputs"`
	Regions map[string]json.RawMessage `json:"regions"`
}

// regionPrefixes turns "^(us|eu)\-\w+\-\d+$" into "us-", "eu-".
func (p *partition) regionPrefixes() ([]string, error) {
	form := regexp.MustCompile(`^\^(.*)\\-\\w\+\\-\\d\+\$$`).FindStringSubmatch(p.RegionRegex)
	if form == nil {
		return nil, fmt.Errorf("partition %s: unknown form of region expression %q", p.ID, p.RegionRegex)
	}
	head := strings.ReplaceAll(form[1], `\-`, "-")
	out := []string{""}
	for head != "" {
		part := head
		alternatives := []string{}
		if strings.HasPrefix(head, "(") {
			end := strings.IndexByte(head, ')')
			part = head[:end+1]
			alternatives = strings.Split(head[1:end], "|")
		} else if i := strings.IndexByte(head, '('); i >= 0 {
			part = head[:i]
			alternatives = []string{part}
		} else {
			alternatives = []string{part}
		}
		var next []string
		for _, a := range out {
			for _, b := range alternatives {
				next = append(next, a+b)
			}
		}
		out, head = next, head[len(part):]
	}
	for i := range out {
		out[i] += "-"
	}
	sort.Strings(out)
	return out, nil
}

// An endpointRow is what a rule set says for one region and variant.
type endpointRow struct {
	region        string
	variant       int    // 1 FIPS, 2 dual-stack, 4 with the account in the host
	host          string // with the base path, if there is one
	signingName   string
	signingRegion string
}

// An endpointRule is the table's form: where a template holds. Scope is "" for
// everywhere, a partition's id, or a region.
type endpointRule struct {
	variant                 int
	scope                   string
	template                string // "" says that there is none
	signingName, signRegion string
}

const exampleAccount = "111122223333"

// template replaces what varies in a host.
func (e endpointRow) template(p *partition) string {
	host, path, slash := strings.Cut(e.host, "/")
	if slash {
		path = "/" + path
	}
	switch {
	case strings.HasSuffix(host, "."+p.Outputs.DualStackDNSSuffix):
		host = strings.TrimSuffix(host, p.Outputs.DualStackDNSSuffix) + "{d}"
	case strings.HasSuffix(host, "."+p.Outputs.DNSSuffix):
		host = strings.TrimSuffix(host, p.Outputs.DNSSuffix) + "{s}"
	}
	labels := strings.Split(host, ".")
	for i, l := range labels {
		switch l {
		case e.region:
			labels[i] = "{r}"
		case exampleAccount:
			labels[i] = "{a}"
		}
	}
	return strings.Join(labels, ".") + path
}

// compact finds the fewest rules that say the same as rows.
func compact(rows []endpointRow, partitions []*partition) []endpointRule {
	byRegion := map[string]*partition{}
	for _, p := range partitions {
		for r := range p.Regions {
			byRegion[r] = p
		}
	}
	type value struct{ template, name, region string }
	values := map[int]map[string]value{}
	for _, row := range rows {
		if values[row.variant] == nil {
			values[row.variant] = map[string]value{}
		}
		values[row.variant][row.region] = value{row.template(byRegion[row.region]), row.signingName, row.signingRegion}
	}
	// The account makes a difference for a few services only.
	for v := range 4 {
		same := true
		for r, with := range values[v|4] {
			if values[v][r] != with {
				same = false
			}
		}
		if same {
			delete(values, v|4)
		}
	}
	var rules []endpointRule
	for v := range 8 {
		if values[v] == nil {
			continue
		}
		normal := func(r string, val value) value {
			if val.region == r {
				val.region = "" // the region itself
			}
			return val
		}
		most := func(regions []string) value {
			count := map[value]int{}
			for _, r := range regions {
				count[normal(r, values[v][r])]++
			}
			return slices.MaxFunc(sortedKeys(count, func(a, b value) int {
				return cmp.Or(cmp.Compare(a.template, b.template), cmp.Compare(a.name, b.name), cmp.Compare(a.region, b.region))
			}), func(a, b value) int { return count[a] - count[b] })
		}
		var all []string
		for r := range byRegion {
			all = append(all, r)
		}
		sort.Strings(all)
		overall := most(all)
		rules = append(rules, endpointRule{v, "", overall.template, overall.name, overall.region})
		for _, p := range partitions {
			regions := sortedKeys(p.Regions, strings.Compare)
			usual := most(regions)
			if usual != overall {
				rules = append(rules, endpointRule{v, p.ID, usual.template, usual.name, usual.region})
			}
			for _, r := range regions {
				if is := normal(r, values[v][r]); is != usual {
					rules = append(rules, endpointRule{v, r, is.template, is.name, is.region})
				}
			}
		}
	}
	return rules
}

func sortedKeys[K comparable, V any](m map[K]V, compare func(a, b K) int) []K {
	out := make([]K, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.SortFunc(out, compare)
	return out
}

// A hostName is a template without what varies: "api.ecr", "s3.dualstack".
type hostName struct {
	key     string
	variant int
	signs   string // region of a host that names none
}

// hostNames lists the distinct names in rules, also with each host prefix.
func hostNames(rules []endpointRule, prefixes []string) []hostName {
	var out []hostName
	add := func(n hostName) {
		if !slices.ContainsFunc(out, func(o hostName) bool { return o.key == n.key }) {
			out = append(out, n)
		}
	}
	for _, r := range rules {
		host, _, _ := strings.Cut(r.template, "/")
		var labels []string
		for label := range strings.SplitSeq(host, ".") {
			if !strings.HasPrefix(label, "{") && label != "" {
				labels = append(labels, label)
			}
		}
		if len(labels) == 0 {
			continue
		}
		n := hostName{key: strings.Join(labels, "."), variant: r.variant &^ 4}
		if !strings.Contains(host, "{r}") {
			n.signs = r.signRegion
		}
		add(n)
		for _, prefix := range prefixes {
			add(hostName{prefix + n.key, n.variant, n.signs})
		}
	}
	return out
}

// basePath is what endpoints have before a request's path.
func basePath(rules []endpointRule) string {
	for _, r := range rules {
		if _, path, ok := strings.Cut(r.template, "/"); ok {
			return "/" + path
		}
	}
	return ""
}
