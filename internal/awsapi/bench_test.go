package awsapi

import (
	"path/filepath"
	"runtime"
	"slices"
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
