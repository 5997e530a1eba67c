package main

import (
	"bytes"
	"crypto/rand"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// deviations is what deviate changes, as "action kind path" in the order of
// the alphabet.
var deviations = []string{
	"GetObject status status",
	"HeadObject header headers.X-Amz-Meta-Author",
	"ListObjectsV2 value $.Contents[].Size",
}

// serve starts an S3 server on loopback.
func serve(change func(*http.Request, *answer)) (*httptest.Server, error) {
	seed, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, err
	}
	s3 := gofakes3.New(s3mem.New(s3mem.WithVersionSeed(seed.Int64())), gofakes3.WithLogger(gofakes3.DiscardLog()), gofakes3.WithRequestID(uint64(seed.Int64()))).Server()
	if change != nil { // an upload of somebody else, so that ours has another id than at AWS
		s3.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPut, "/other", nil))
		s3.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/other/object?uploads", nil))
	}
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if change == nil {
			s3.ServeHTTP(w, r)
			return
		}
		a := &answer{status: http.StatusOK, header: w.Header()}
		s3.ServeHTTP(a, r)
		change(r, a)
		if r.Method != http.MethodHead {
			w.Header().Set("Content-Length", strconv.Itoa(a.body.Len()))
		}
		w.WriteHeader(a.status)
		w.Write(a.body.Bytes()) // the client may be gone
	})), nil
}

// An answer is held back until it has been changed.
type answer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }

// deviate does what emulators get wrong.
func deviate(r *http.Request, a *answer) {
	switch {
	case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/nothing-here"):
		a.status = http.StatusForbidden // AWS says that the key is not there
	case r.Method == http.MethodGet && r.URL.Query().Get("list-type") == "2":
		body := strings.Replace(a.body.String(), "<Size>", "<Size>1", 1)
		a.body.Reset()
		a.body.WriteString(body)
	case r.Method == http.MethodHead && strings.HasSuffix(r.URL.Path, "/logo.png"):
		a.header.Set("x-amz-meta-author", "nobody")
	}
}
