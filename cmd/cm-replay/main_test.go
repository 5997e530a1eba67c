package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cm-replay": main})
}

// TestScripts runs the tool against a server at $ENDPOINT that answers a path
// /status/N with N and its name, and any other with 200; nothing listens at $DEAD.
func TestScripts(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := 200
		if s, ok := strings.CutPrefix(r.URL.Path, "/status/"); ok {
			fmt.Sscan(s, &status)
		}
		w.Header()["Date"] = nil
		w.WriteHeader(status)
		fmt.Fprintf(w, "%s %s", r.Method, r.RequestURI)
	}))
	t.Cleanup(server.Close) // the scripts run in parallel, after this function
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := "http://" + l.Addr().String()
	l.Close()
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv("UPDATE") != "",
		Setup: func(e *testscript.Env) error {
			e.Setenv("ENDPOINT", server.URL)
			e.Setenv("DEAD", dead)
			return nil
		},
	})
}
