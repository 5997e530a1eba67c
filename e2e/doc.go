// Package e2e runs the five tools as their users do: as programs, between real AWS clients and real servers.
//
// It is a module of its own, so that its heavy dependencies stay out of the tools'. Its tests build the tools
// from the directory above and talk to them through command lines, pipes, signals, HTTP and exit statuses alone.
// Clients and emulators that are no Go modules come from the install script beside this file.
//
//	./install && go test ./...
//
// Every server listens on loopback, on a port that was free. With CM_CORPUS set to a folder of recordings of real
// traffic, those are tested, too.
package e2e
