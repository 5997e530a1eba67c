package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A fault is a way in which an emulator is wrong, and what the comparison calls it.
type fault struct {
	name  string
	is    func(r *http.Response, body string) bool // the answers that it can be planted in
	plant func(r *http.Response, body string) string
	want  string // the report's words, without indices
}

// index is one in a path: the emulator gives the items of a batch in any order.
var index = regexp.MustCompile(`\[\d+\]`)

func target(r *http.Response) string {
	_, operation, _ := strings.Cut(r.Request.Header.Get("X-Amz-Target"), ".")
	return operation
}

func inBody(operation, pattern, replacement, want string) fault {
	find := regexp.MustCompile(pattern)
	return fault{
		name: fmt.Sprintf("%s %s", operation, want),
		is:   func(r *http.Response, body string) bool { return target(r) == operation && find.MatchString(body) },
		plant: func(_ *http.Response, body string) string {
			at := find.FindStringSubmatchIndex(body)
			return body[:at[0]] + string(find.ExpandString(nil, replacement, body, at)) + body[at[1]:]
		},
		want: want,
	}
}

var faults = []fault{
	inBody("Query", `"Count":3`, `"Count":4`, "value: $.Count: 3 -> 4"),
	inBody("Query", `("LastEvaluatedKey":\{.*?"n":\{"N":")15"`, `${1}16"`, `value: $.LastEvaluatedKey.n.N: "15" -> "16"`),
	inBody("Query", `,"LastEvaluatedKey":\{.*?\}\}`, ``, `missing: $.LastEvaluatedKey: {"id":{"S":"customer 0"},"n":{"N":"24"}} -> null`),
	inBody("Scan", `"ScannedCount":7`, `"ScannedCount":"7"`, `type: $.ScannedCount: 7 -> "7"`),
	inBody("UpdateItem", `"visits":\{"N":"1"\}`, `"visits":{"N":"1"},"hits":{"N":"1"}`, `extra: $.Attributes.hits: null -> {"N":"1"}`),
	inBody("BatchWriteItem", `"UnprocessedItems":\{\}`, `"UnprocessedItems":{"customers":[]}`, "extra: $.UnprocessedItems.customers: null -> []"),
	inBody("BatchGetItem", `9007199254740993`, `9007199254740992`, `value: $.Responses.orders[].nested.M.list.L[].N: "9007199254740993" -> "9007199254740992"`),
	inBody("PutItem", `ConditionalCheckFailedException`, `ConditionalCheckFailed`,
		`error-code: $.__type: "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException" -> "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailed"`),
	inBody("GetItem", `ResourceNotFoundException`, `ValidationException`,
		`error-code: $.__type: "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException" -> "com.amazonaws.dynamodb.v20120810#ValidationException"`),
	{"DeleteItem 201", func(r *http.Response, _ string) bool { return target(r) == "DeleteItem" },
		func(r *http.Response, body string) string { r.StatusCode = 201; return body }, "status: 200 -> 201"},
}

// An emulator that is wrong in known ways is reported in just these: each planted fault with its path and kind, in the
// call where it was planted, and no other call.
func TestPlantedFaultsAreReported(t *testing.T) {
	w := workloads[slices.IndexFunc(workloads, func(w workload) bool { return w.name == "dynalite" })]
	recording := recordWorkload(t, w)
	emulator, err := url.Parse(w.serve(t))
	if err != nil {
		t.Fatal(err)
	}
	planted := map[string]string{} // id of the entry → what must be reported
	left := slices.Clone(faults)
	deviant := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(emulator) },
		ModifyResponse: func(r *http.Response) error {
			data, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			body := string(data)
			id := r.Request.Header.Get("X-Cloudmock-Replay")
			if i := slices.IndexFunc(left, func(f fault) bool { return planted[id] == "" && f.is(r, body) }); i >= 0 {
				body = left[i].plant(r, body)
				planted[id] = left[i].want
				left = slices.Delete(left, i, i+1)
				r.Header.Del("X-Amz-Crc32")
			}
			r.Body = io.NopCloser(bytes.NewBufferString(body))
			r.ContentLength = int64(len(body))
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
			return nil
		},
	})
	t.Cleanup(deviant.Close)

	line := fmt.Sprintf("cm-replay --order serial --endpoint %s -i %s | cm-diff --strict | cm-report --format json", deviant.URL, recording)
	r := output(t, bash(t, line))
	if r.status != 1 {
		t.Errorf("exit status %d, want 1\n%s", r.status, tail(r.stderr))
	}
	for _, f := range left {
		t.Errorf("%s: no answer to plant it in", f.name)
	}
	reported := map[string]string{}
	for _, m := range parseReport(t, r.stdout).Mismatches {
		reported[m.EntryID] = index.ReplaceAllString(strings.Join(m.Diffs, "; "), "[]")
	}
	if d := cmp.Diff(planted, reported); d != "" {
		t.Errorf("differences by entry (-planted +reported):\n%s", d)
	}
}
