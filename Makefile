# make build   the five tools, into bin/
# make demo    record a real workload, replay it against a server that deviates, and report
# make test    every test that needs Go alone
# make check   what CI runs: also race, linters, and end-to-end with real clients and servers
# make install the tools and scripts, into PREFIX/bin (PREFIX=/usr/local)

GO      ?= go
PREFIX  ?= /usr/local
TOOLS   := cm-record cm-replay cm-diff cm-report cm-convert
SCRIPTS := cm-validate cloudmock

.PHONY: examples/recording.ndjson build demo test check bench install clean

build:
	$(GO) build -o bin/ ./cmd/...

demo: build
	cd examples/demo && $(GO) run . ../../bin

# The recording that stands in examples/ is made by our own tools.
examples/recording.ndjson: build
	cd examples/demo && $(GO) run . record ../../bin > ../recording.ndjson

test:
	$(GO) test ./...

check:
	.ci/run

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

install: build
	install -d $(DESTDIR)$(PREFIX)/bin
	install $(TOOLS:%=bin/%) $(SCRIPTS:%=scripts/%) $(DESTDIR)$(PREFIX)/bin

clean:
	rm -rf bin
