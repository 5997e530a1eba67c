package sign

import (
	"crypto/sha256"
	"strconv"
	"strings"
)

// AppendChunks appends payload in aws-chunked framing, in chunks of size bytes,
// followed by the trailing fields if the variant has a trailer. With a seed
// every chunk and the trailer are signed along its chain, and the seed moves on.
func AppendChunks(dst, payload []byte, size int, trailer []Field, hasTrailer bool, seed *Seed) []byte {
	if size <= 0 {
		size = 64 << 10
	}
	for {
		chunk := payload[:min(size, len(payload))]
		payload = payload[len(chunk):]
		dst = strconv.AppendUint(dst, uint64(len(chunk)), 16)
		if seed != nil {
			seed.next(payloadAlgorithm, hexEmpty, sha256.Sum256(chunk))
			dst = append(dst, ";chunk-signature="...)
			dst = append(dst, seed.Signature...)
		}
		dst = append(dst, "\r\n"...)
		if len(chunk) == 0 {
			break
		}
		dst = append(append(dst, chunk...), "\r\n"...)
	}
	if !hasTrailer {
		return append(dst, "\r\n"...)
	}
	var canonical []byte
	for _, f := range trailer {
		dst = append(append(append(append(dst, f.Name...), ':'), f.Value...), "\r\n"...)
		canonical = append(canonical, strings.ToLower(f.Name)+":"+f.Value+"\n"...)
	}
	if seed != nil {
		digest := sha256.Sum256(canonical)
		seed.next(trailerAlgorithm, "", digest)
		dst = append(dst, trailerSignature+":"...)
		dst = append(dst, seed.Signature...)
		dst = append(dst, "\r\n"...)
	}
	return append(dst, "\r\n"...)
}
