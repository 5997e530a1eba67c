package proxy

import (
	"runtime"
	"sync"
)

// largeBody is the size from which a body is recorded beside its way: digesting it
// takes longer than copying it.
const largeBody = 1 << 20

// worthwhile reports whether a body of this size is recorded beside its way.
func worthwhile(size int64) bool { return size >= largeBody && runtime.GOMAXPROCS(0) > 1 }

// A beside hands the pieces of a body to a goroutine of its own, one at a time and in order.
// When put returns, every piece before the one that was put is done with, so whoever alternates between
// two buffers need not wait.
type beside struct {
	pieces chan []byte
	quit   chan struct{}
	ended  chan struct{}
	once   sync.Once
}

func newBeside(take func([]byte)) *beside {
	b := &beside{pieces: make(chan []byte), quit: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(b.ended)
		for {
			select {
			case p := <-b.pieces:
				take(p)
			case <-b.quit:
				return
			}
		}
	}()
	return b
}

// put hands over a piece; it is not to be changed before the next put has returned. After
// stop it does nothing.
func (b *beside) put(p []byte) {
	if len(p) == 0 {
		return
	}
	select {
	case b.pieces <- p:
	case <-b.quit:
	}
}

// stop returns when every piece that was put is done with.
func (b *beside) stop() {
	b.once.Do(func() { close(b.quit) })
	<-b.ended
}
