package awsapi

import (
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkIdentify identifies the committed sample over and over and reports
// the median over its requests beside the mean.
func BenchmarkIdentify(b *testing.B) {
	samples := readSamples(b, filepath.Join("testdata", "requests.ndjson.gz"))
	requests := make([]*Request, len(samples))
	for i, s := range samples {
		requests[i] = s.request()
		Identify(requests[i]) // what is read on first use is read
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		Identify(requests[i%len(requests)])
		i++
	}
	b.StopTimer()
	medians := make([]float64, len(requests))
	allocs := make([]float64, len(requests))
	for i, r := range requests {
		const rounds = 20
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		for range rounds {
			Identify(r)
		}
		medians[i] = float64(time.Since(start).Nanoseconds()) / rounds
		runtime.ReadMemStats(&after)
		allocs[i] = float64(after.Mallocs-before.Mallocs) / rounds
	}
	slices.Sort(medians)
	slices.Sort(allocs)
	b.ReportMetric(medians[len(medians)/2], "median-ns/request")
	b.ReportMetric(medians[len(medians)*99/100], "p99-ns/request")
	b.ReportMetric(allocs[len(allocs)/2], "median-allocs/request")
	b.ReportMetric(allocs[len(allocs)-1], "max-allocs/request")
}

// TestIdentifyAllocatesLittle holds the bar of two allocations a request, and of
// 10 MB on first use.
func TestIdentifyAllocatesLittle(t *testing.T) {
	var allocs []float64
	for _, s := range readSamples(t, filepath.Join("testdata", "requests.ndjson.gz"))[:500] {
		r := s.request()
		allocs = append(allocs, testing.AllocsPerRun(3, func() { Identify(r) }))
	}
	slices.Sort(allocs)
	if median := allocs[len(allocs)/2]; median > 2 {
		t.Errorf("%v allocations in the median", median)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	newTable(tableData).service("EC2").operations()
	runtime.ReadMemStats(&after)
	first := after.TotalAlloc - before.TotalAlloc
	if first > 10<<20 {
		t.Errorf("first use: %d bytes", first)
	}
	t.Logf("allocations: median %v, largest %v; first use: %d KB", allocs[len(allocs)/2], allocs[len(allocs)-1], first>>10)
}

// BenchmarkFirstUse reads the index and the operations of one service, as the
// first call of a program does.
func BenchmarkFirstUse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		newTable(tableData).service("EC2").operations()
	}
}

// BenchmarkEverything reads what a program has read that has seen every service.
func BenchmarkEverything(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		for _, s := range newTable(tableData).services {
			s.operations()
		}
	}
}

// BenchmarkShapes unpacks the shapes of the largest service.
func BenchmarkShapes(b *testing.B) {
	s := loadTable().service("EC2")
	s.operations()
	b.ReportAllocs()
	for b.Loop() {
		newShapeTable(s)
	}
}

// BenchmarkHostile identifies requests of 100 KiB made to be slow: the time per
// byte must not depend on how many there are.
func BenchmarkHostile(b *testing.B) {
	long := func(s string) string { return strings.Repeat(s, 100<<10/len(s)) }
	for _, bb := range []struct {
		name string
		r    Request
	}{
		{"segments", Request{Method: "GET", Host: "localhost", Path: long("/a"), Header: scopeFor("s3", "us-east-1").Get}},
		{"arn segments", Request{Method: "GET", Host: "localhost", Path: "/portals" + long("/%41"), Header: scopeFor("workspaces-web", "us-east-1").Get}},
		{"slashes", Request{Method: "GET", Host: "localhost", Path: long("/"), Header: scopeFor("lambda", "us-east-1").Get}},
		{"parameters", Request{Method: "GET", Host: "localhost", Path: "/bk", RawQuery: long("a&"), Header: scopeFor("s3", "us-east-1").Get}},
		{"escapes", Request{Method: "GET", Host: "localhost", Path: "/bk", RawQuery: long("%61&"), Header: scopeFor("s3", "us-east-1").Get}},
		{"almost presigned", Request{Method: "GET", Host: "localhost", Path: "/bk", RawQuery: long("X-Amz&"), Header: noHeader}},
		{"host labels", Request{Method: "GET", Host: long("a.") + "amazonaws.com", Path: "/", Header: noHeader}},
		{"a form", Request{Method: "POST", Host: "localhost", Path: "/", Header: with(nil, "Content-Type", form).Get, Body: []byte(long("Actio=&"))}},
		{"an archive", Request{Method: "POST", Host: "localhost", Path: "/", Header: with(nil, "Content-Type", form).Get, Body: []byte(gzipped(strings.Repeat("a", 64<<20)))}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(bb.r.Host) + len(bb.r.Path) + len(bb.r.RawQuery) + len(bb.r.Body)))
			for b.Loop() {
				Identify(&bb.r)
			}
		})
	}
}
