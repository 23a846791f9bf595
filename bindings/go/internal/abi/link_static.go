//go:build cgo && bedrock_static

package abi

// pkg-config says in which folder libbedrock.a is, and which libraries of the system it needs. It also names -lbedrock,
// which is the shared library: because the archive before it has defined everything, --as-needed drops it.

// #cgo pkg-config: --static bedrock
// #cgo LDFLAGS: -l:libbedrock.a -Wl,--as-needed
import "C"

// Link is how the library is linked.
const Link = "static"
