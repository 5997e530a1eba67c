package proxy

import (
	"os"
	"os/signal"
	"syscall"
)

// notifyPipe makes a write to a closed pipe an error instead of the end of the process.
func notifyPipe(c chan<- os.Signal) { signal.Notify(c, syscall.SIGPIPE) }
