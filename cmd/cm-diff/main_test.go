package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/neureaux/cloudmock/internal/scripttest"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"cm-diff": main}) }

func TestScripts(t *testing.T) { scripttest.Run(t) }
