package value

import "bytes"

// isNumber reports whether s is a decimal number, JSON's grammar with leading
// zeros allowed.
func isNumber(s []byte) bool {
	_, ok := parseDecimal(s)
	return ok
}

// decimal is a number as its significant digits: 0.d1d2d3… × 10^exp. The point
// may still stand among the digits; at and count look past it.
type decimal struct {
	negative bool
	digits   []byte // no leading or trailing zeros; may hold the point
	point    int    // index of the point in digits, -1 if it holds none
	exp      int
}

func (d *decimal) count() int {
	if d.point >= 0 {
		return len(d.digits) - 1
	}
	return len(d.digits)
}

func (d *decimal) at(i int) byte {
	if d.point >= 0 && i >= d.point {
		i++
	}
	return d.digits[i] - '0'
}

// parseDecimal reads s without copying; exponents beyond any reason are cut to
// a million digits.
func parseDecimal(s []byte) (d decimal, ok bool) {
	const limit = 1 << 20
	if len(s) > 0 && s[0] == '-' {
		d.negative, s = true, s[1:]
	}
	whole := digits(s)
	end := whole
	if end < len(s) && s[end] == '.' {
		n := digits(s[end+1:])
		if n == 0 {
			return d, false
		}
		end += 1 + n
	}
	if whole == 0 {
		return d, false
	}
	mant := s[:end]
	exp := 0
	if rest := s[end:]; len(rest) > 0 {
		if rest[0]|0x20 != 'e' {
			return d, false
		}
		rest = rest[1:]
		minus := false
		if len(rest) > 0 && (rest[0] == '+' || rest[0] == '-') {
			minus, rest = rest[0] == '-', rest[1:]
		}
		if len(rest) == 0 || digits(rest) != len(rest) {
			return d, false
		}
		for _, c := range rest {
			if exp = exp*10 + int(c-'0'); exp > limit {
				exp = limit
			}
		}
		if minus {
			exp = -exp
		}
	}
	d.exp = whole + exp
	d.point = bytes.IndexByte(mant, '.')
	// Leading zeros, and the point if it comes before the first digit.
	for len(mant) > 0 && (mant[0] == '0' || mant[0] == '.') {
		if mant[0] == '0' && d.point != 0 {
			d.exp--
			if d.point > 0 {
				d.point--
			}
		} else if mant[0] == '0' {
			d.exp--
		}
		if mant[0] == '.' {
			d.point = -1
			mant = mant[1:]
			for len(mant) > 0 && mant[0] == '0' {
				d.exp--
				mant = mant[1:]
			}
			break
		}
		mant = mant[1:]
	}
	// Trailing zeros, and the point if nothing follows it.
	for len(mant) > 0 {
		c := mant[len(mant)-1]
		if c != '0' && c != '.' {
			break
		}
		mant = mant[:len(mant)-1]
		if c == '.' {
			d.point = -1
		}
	}
	d.digits = mant
	if len(mant) == 0 {
		d.negative, d.exp, d.point = false, 0, -1
	}
	return d, true
}

// EqualNumbers reports whether a and b are the same number, compared exactly:
// 1 = 1.0 = 1e0, but 9007199254740993 is not 9007199254740992. What is no
// number is equal to nothing.
func EqualNumbers(a, b []byte) bool {
	x, ok := parseDecimal(a)
	if !ok {
		return false
	}
	y, ok := parseDecimal(b)
	if !ok || x.negative != y.negative || x.exp != y.exp || x.count() != y.count() {
		return false
	}
	for i := range x.count() {
		if x.at(i) != y.at(i) {
			return false
		}
	}
	return true
}
