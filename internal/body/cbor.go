package body

import (
	"encoding/binary"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// parseCBOR reads one CBOR item (RFC 8949) as the rpcv2Cbor protocol and
// Kinesis's older one write it. Map keys are texts or integers. Tag 1 makes a
// Time, tags 2 and 3 a Number of any size; other tags are passed over.
func (t *Tree) parseCBOR(data []byte, base uint32, parent Node) error {
	p := cborParser{t: t, data: data, base: base}
	if err := p.item(node{parent: parent}, 0); err != nil {
		return err
	}
	if p.i < len(data) {
		return p.fail("more after the end")
	}
	return nil
}

type cborParser struct {
	t    *Tree
	data []byte
	base uint32
	i    int
}

func (p *cborParser) fail(why string) error {
	return &Error{Format: CBOR, Offset: p.i, Reason: why}
}

const (
	cborUint = iota
	cborNegative
	cborBytes
	cborText
	cborArray
	cborMap
	cborTag
	cborSimple
)

// head reads an item's first bytes; arg is its argument.
func (p *cborParser) head() (major byte, info byte, arg uint64, err error) {
	if p.i >= len(p.data) {
		return 0, 0, 0, p.fail("unexpected end")
	}
	b := p.data[p.i]
	major, info = b>>5, b&31
	rest := p.data[p.i+1:]
	size := 0
	switch {
	case info < 24:
		arg = uint64(info)
	case info < 28:
		size = 1 << (info - 24)
		if len(rest) < size {
			return 0, 0, 0, p.fail("unexpected end")
		}
		for _, c := range rest[:size] {
			arg = arg<<8 | uint64(c)
		}
	case info < 31:
		return 0, 0, 0, p.fail("reserved length")
	}
	p.i += 1 + size
	return major, info, arg, nil
}

// bytes takes the n bytes that follow.
func (p *cborParser) bytes(n uint64) ([]byte, error) {
	if n > uint64(len(p.data)-p.i) {
		return nil, p.fail("longer than the body")
	}
	s := p.data[p.i : p.i+int(n)]
	p.i += int(n)
	return s, nil
}

// item reads one item into nd, which holds its parent and key.
func (p *cborParser) item(nd node, depth int) error {
	t, start := p.t, p.i
	if depth >= t.opt.MaxDepth {
		return p.fail("nested too deeply")
	}
	if len(t.nodes) >= t.opt.MaxNodes {
		return p.fail("too many values")
	}
	nd.wire = p.base + uint32(start)
	major, info, arg, err := p.head()
	if err != nil {
		return err
	}
	if info == 31 && (major < cborBytes || major == cborTag) {
		return p.fail("indefinite length where none can be")
	}
	switch major {
	case cborUint, cborNegative:
		nd.kind, nd.enc = Number, encCBORNumber
		p.number(&nd, major, arg)
	case cborBytes, cborText:
		nd.kind, nd.enc = Binary, encCBORBytes
		if major == cborText {
			nd.kind, nd.enc = String, encCBORText
		}
		if err := p.text(&nd, major, info, arg); err != nil {
			return err
		}
	case cborArray, cborMap:
		nd.kind = Array
		if major == cborMap {
			nd.kind = Object
		}
		// Each item takes a byte at least, so no length can make us allocate.
		if info != 31 && arg > uint64(len(p.data)-p.i) {
			return p.fail("longer than the body")
		}
		n := t.add(nd)
		for k := uint64(0); info == 31 || k < arg; k++ {
			if info == 31 && p.i < len(p.data) && p.data[p.i] == 0xFF {
				p.i++
				break
			}
			child := node{parent: n}
			if major == cborMap {
				if err := p.key(&child); err != nil {
					return err
				}
			}
			if err := p.item(child, depth+1); err != nil {
				return err
			}
		}
		t.close(n, p.base+uint32(p.i))
		return nil
	case cborTag:
		return p.tagged(nd, arg, depth)
	case cborSimple:
		if err := p.simple(&nd, info, arg); err != nil {
			return err
		}
	}
	nd.wirN = p.base + uint32(p.i) - nd.wire
	n := t.add(nd)
	if nd.kind == String {
		t.look(n)
	}
	return nil
}

// render puts what f appends into the arena and makes it nd's text.
func (p *cborParser) render(nd *node, f func([]byte) []byte) {
	off := len(p.t.arena)
	p.t.arena = f(p.t.arena)
	nd.text, nd.texN = inArena|uint32(off), uint32(len(p.t.arena)-off)
}

func (p *cborParser) number(nd *node, major byte, arg uint64) {
	p.render(nd, func(b []byte) []byte {
		if major == cborUint {
			return strconv.AppendUint(b, arg, 10)
		}
		if arg == math.MaxUint64 {
			return append(b, "-18446744073709551616"...)
		}
		return strconv.AppendUint(append(b, '-'), arg+1, 10)
	})
}

func (p *cborParser) text(nd *node, major, info byte, arg uint64) error {
	if info != 31 {
		off := p.i
		if _, err := p.bytes(arg); err != nil {
			return err
		}
		nd.text, nd.texN = p.base+uint32(off), uint32(arg)
		return nil
	}
	off := len(p.t.arena)
	for {
		if p.i < len(p.data) && p.data[p.i] == 0xFF {
			p.i++
			break
		}
		m, in, n, err := p.head()
		if err != nil {
			return err
		}
		if m != major || in == 31 {
			return p.fail("chunk of another type")
		}
		s, err := p.bytes(n)
		if err != nil {
			return err
		}
		p.t.arena = append(p.t.arena, s...)
	}
	nd.text, nd.texN = inArena|uint32(off), uint32(len(p.t.arena)-off)
	return nil
}

func (p *cborParser) key(nd *node) error {
	major, info, arg, err := p.head()
	if err != nil {
		return err
	}
	var k node
	switch {
	case major == cborText || major == cborBytes:
		err = p.text(&k, major, info, arg)
		if major == cborText && info != 31 {
			k.enc = encCBORText
		}
	case major <= cborNegative && info != 31:
		p.number(&k, major, arg)
	default:
		err = p.fail("a map's key is neither text nor integer")
	}
	nd.key, nd.keyN, nd.keyEnc = k.text, k.texN, k.enc
	return err
}

func (p *cborParser) tagged(nd node, tag uint64, depth int) error {
	t := p.t
	first := len(t.nodes)
	if err := p.item(nd, depth+1); err != nil {
		return err
	}
	inner := &t.nodes[first]
	switch {
	case tag == 1 && inner.kind == Number:
		inner.kind = Time
	case (tag == 2 || tag == 3) && inner.kind == Binary && inner.texN <= 128:
		v := new(big.Int).SetBytes(t.buf(inner.text, inner.texN))
		if tag == 3 {
			v.Not(v)
		}
		p.render(inner, func(b []byte) []byte { return v.Append(b, 10) })
		inner.kind, inner.enc = Number, encOpaque
	}
	return nil
}

func (p *cborParser) simple(nd *node, info byte, arg uint64) error {
	word := ""
	switch info {
	case 20:
		nd.kind, word = Bool, "false"
	case 21:
		nd.kind, word = Bool, "true"
	case 22, 23: // null, undefined
		nd.kind, word = Null, "null"
	case 25, 26, 27:
		f := math.Float64frombits(arg)
		if info == 26 {
			f = float64(math.Float32frombits(uint32(arg)))
		} else if info == 25 {
			f = halfFloat(uint16(arg))
		}
		nd.kind, nd.enc = Number, encCBORNumber
		p.render(nd, func(b []byte) []byte {
			if f == math.Trunc(f) && math.Abs(f) < 1e21 {
				return strconv.AppendFloat(b, f, 'f', -1, 64)
			}
			return strconv.AppendFloat(b, f, 'g', -1, 64)
		})
		return nil
	default:
		return p.fail("unknown simple value")
	}
	p.render(nd, func(b []byte) []byte { return append(b, word...) })
	return nil
}

// halfFloat decodes an IEEE 754 binary16 (RFC 8949, appendix D).
func halfFloat(h uint16) float64 {
	exp, mant := int(h>>10&31), float64(h&1023)
	var f float64
	switch exp {
	case 0:
		f = math.Ldexp(mant, -24)
	case 31:
		if f = math.Inf(1); mant != 0 {
			f = math.NaN()
		}
	default:
		f = math.Ldexp(mant+1024, exp-25)
	}
	if h&0x8000 != 0 {
		f = -f
	}
	return f
}

// appendCBORHead appends the first bytes of an item in their shortest form.
func appendCBORHead(dst []byte, major byte, arg uint64) []byte {
	m := major << 5
	switch {
	case arg < 24:
		return append(dst, m|byte(arg))
	case arg <= math.MaxUint8:
		return append(dst, m|24, byte(arg))
	case arg <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, m|25), uint16(arg))
	case arg <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, m|26), uint32(arg))
	}
	return binary.BigEndian.AppendUint64(append(dst, m|27), arg)
}

// appendCBORNumber appends decimal text as an integer, or else as a double.
func appendCBORNumber(dst, text []byte) (_ []byte, ok bool) {
	s := string(text)
	if v, err := strconv.ParseUint(s, 10, 64); err == nil {
		return appendCBORHead(dst, cborUint, v), true
	}
	if s == "-18446744073709551616" {
		return appendCBORHead(dst, cborNegative, math.MaxUint64), true
	}
	if abs, ok := strings.CutPrefix(s, "-"); ok {
		if v, err := strconv.ParseUint(abs, 10, 64); err == nil && v > 0 {
			return appendCBORHead(dst, cborNegative, v-1), true
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return dst, false
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xFB), math.Float64bits(f)), true
}
