//go:build cgo && !bedrock_static

package abi

// #cgo pkg-config: bedrock
import "C"

// Link is how the library is linked.
const Link = "shared"
