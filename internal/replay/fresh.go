package replay

import (
	"crypto/rand"
	"crypto/sha512"
	"encoding/binary"

	"github.com/neureaux/cloudmock/internal/value"
)

// A freshener gives each idempotency token of the recording another one that
// no earlier pass has sent. The new token has the form of the old one: a UUID
// stays a UUID of its version, a digit a digit, a letter a letter of its case,
// and all else stays, so that what the service demands of length and alphabet
// still holds. Equal tokens stay equal and different ones different: what it
// does is a permutation of the tokens of one form, drawn by its key. So it needs
// to remember nothing.
type freshener struct{ key [32]byte }

func newFreshener() *freshener {
	f := new(freshener)
	_, _ = rand.Read(f.key[:]) // does not fail
	return f
}

// rounds of the Feistel network.
const rounds = 6

// token returns the token that stands in place of old. It is safe for
// concurrent use.
func (f *freshener) token(old []byte) []byte {
	out := append([]byte(nil), old...)
	letters := alphabets(old)
	var places []int
	for i, a := range letters {
		if a != "" {
			places = append(places, i)
		}
	}
	if len(places) == 0 {
		return out
	}
	// The message of a round: the key, the form, which what stays tells apart
	// from others, the round, and the half that is not changed by it.
	message := make([]byte, 0, len(f.key)+3*len(old)+4)
	message = append(message, f.key[:]...)
	for i, a := range letters {
		message = append(message, byte(len(a)))
		if a == "" {
			message = append(message, old[i])
		}
	}
	head := len(message)
	half := len(places) / 2
	left, right := places[:half], places[half:]
	var stream []byte
	for round := range rounds {
		message = message[:head]
		for _, i := range left {
			message = append(message, out[i])
		}
		stream = stream[:0]
		for block := 0; len(stream) < 2*len(right); block++ {
			sum := sha512.Sum512(append(message, byte(round), byte(block>>8), byte(block)))
			stream = append(stream, sum[:]...)
		}
		for k, i := range right {
			a := letters[i]
			shift := int(binary.BigEndian.Uint16(stream[2*k:]))
			if len(places) == 1 { // else one of ten digits would stay what it is
				shift = (round / (rounds - 1)) * (1 + shift%(len(a)-1))
			}
			out[i] = a[(indexOf(a, out[i])+shift)%len(a)]
		}
		if half > 0 {
			left, right = right, left
		}
	}
	return out
}

func indexOf(alphabet string, c byte) int {
	for i := range len(alphabet) {
		if alphabet[i] == c {
			return i
		}
	}
	return 0
}

const (
	digitLetters = "0123456789"
	lowerLetters = "abcdefghijklmnopqrstuvwxyz"
	upperLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lowerHex     = digitLetters + "abcdef"
	upperHex     = digitLetters + "ABCDEF"
)

// alphabets returns for each byte of a token the letters that may stand there,
// "" for a byte that stays.
func alphabets(token []byte) []string {
	out := make([]string, len(token))
	isUUID := value.Classify(token).Kind == value.UUID && len(token) == 36
	hex := hexOf(token)
	for i, c := range token {
		switch {
		case isUUID && i == 14: // the version
		case isUUID && i == 19 && indexOf("89abAB", c) > 0 || isUUID && i == 19 && c == '8': // the variant of RFC 9562
			out[i] = "89ab"
			if hex == upperHex {
				out[i] = "89AB"
			}
		case !isAlnum(c):
		case hex != "":
			out[i] = hex
		case c <= '9':
			out[i] = digitLetters
		case c <= 'Z':
			out[i] = upperLetters
		default:
			out[i] = lowerLetters
		}
	}
	return out
}

// hexOf returns the alphabet of a token that is a hexadecimal number, "" for
// one that is none, or too short to tell.
func hexOf(token []byte) string {
	const shortest = 16
	digits, lowers, uppers := 0, 0, 0
	for _, c := range token {
		switch {
		case !isAlnum(c):
		case c <= '9':
			digits++
		case c <= 'F':
			uppers++
		case 'a' <= c && c <= 'f':
			lowers++
		default:
			return ""
		}
	}
	switch {
	case digits+lowers+uppers < shortest || digits == 0 || lowers > 0 && uppers > 0:
		return ""
	case lowers > 0:
		return lowerHex
	case uppers > 0:
		return upperHex
	}
	return ""
}
