package bedrock

import "github.com/libbedrock/libbedrock/bindings/go/internal/abi"

// Status is the status of a failure. It is an error itself, so that [errors.Is] can look for it.
type Status int32

// The statuses of failures.
const (
	// ErrInvalidArgument: an argument is wrong: invalid UTF-8, an index that is too large, an unknown operation, nil.
	ErrInvalidArgument Status = -1
	// ErrBadHandle: the object was closed.
	ErrBadHandle Status = -2
	// ErrBusy: another goroutine uses the stream, or another loop has read it.
	ErrBusy Status = -3
	// ErrConfig: the config, the environment or a file of AWS is wrong. Or a script or a replay holds no response to
	// the request. Or the library cannot be loaded.
	ErrConfig Status = -4
	// ErrRequest: the library refused the request before sending it. [Error.Path] points to the member.
	ErrRequest Status = -5
	// ErrCredentials: no credentials were found, they have expired, or their provider failed.
	ErrCredentials Status = -6
	// ErrAccessDenied: the credentials are wrong, or do not permit this call.
	ErrAccessDenied Status = -7
	// ErrNotFound: the service has no such model or resource.
	ErrNotFound Status = -8
	// ErrValidation: the service refused the request.
	ErrValidation Status = -9
	// ErrContextOverflow: the service refused the request because the input is too long. [Request.Trim] shortens it.
	ErrContextOverflow Status = -10
	// ErrThrottled: too many requests or tokens.
	ErrThrottled Status = -11
	// ErrQuota: the account's quota is used up.
	ErrQuota Status = -12
	// ErrModel: the model failed, took too long or is not ready.
	ErrModel Status = -13
	// ErrService: the service failed.
	ErrService Status = -14
	// ErrNetwork: the host name was not resolved, or connecting or TLS failed, or the connection failed.
	ErrNetwork Status = -15
	// ErrTimeout: a timer of the config ran out. A deadline of the context is [ErrCancelled].
	ErrTimeout Status = -16
	// ErrTruncated: the connection of a stream ended before the response was complete.
	ErrTruncated Status = -17
	// ErrProtocol: the bytes that arrived are not a valid response.
	ErrProtocol Status = -18
	// ErrCancelled: the context was done, the stream was closed, or the library was shut down.
	ErrCancelled Status = -19
	// ErrForked: the process was forked without exec, which Go programs do not do.
	ErrForked Status = -20
	// ErrInternal: a bug in the library. The process is unharmed.
	ErrInternal Status = -21
	// ErrResource: the process has no descriptors, threads, handles or memory left, or a recording cannot be written.
	ErrResource Status = -22
)

// Error returns the name of the status in the C library, such as "BEDROCK_E_THROTTLED".
func (s Status) Error() string { return abi.StatusName(int32(s)) }
