package bedrock

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/libbedrock/libbedrock/bindings/go/internal/abi"
)

// Error is a failure with everything that is known about it. Every error of this package is one, except those of the
// methods Decode.
//
//	var failure *bedrock.Error
//	switch {
//	case errors.Is(err, context.DeadlineExceeded): // of the call's context
//	case errors.Is(err, bedrock.ErrContextOverflow): // request.Trim(request.MessageCount() / 2)
//	case errors.As(err, &failure) && failure.Retryable: // again, after failure.RetryAfter
//	}
type Error struct {
	// Status is the kind of the failure.
	Status Status
	// Message is one line for people. It begins with "bedrock: " and states what was being done, what happened and,
	// if it is known, what to do next. It never holds credentials.
	Message string
	// Code is the service's name for the failure, such as "ThrottlingException", or "".
	Code string
	// Path is a JSON pointer to the member of the config or request that caused the failure, or "".
	Path string
	// RequestID is the service's id of the request, which AWS support asks for, or "".
	RequestID string
	// HTTPStatus is the HTTP status of the response that failed, or 0.
	HTTPStatus int
	// Attempts is how many attempts the call made, retries included.
	Attempts int
	// Retryable states whether the same call may succeed later. The library has made its own retries before.
	Retryable bool
	// RetryAfter is how long the service asks to wait before the next call. It is negative if it asks for no wait.
	RetryAfter time.Duration
	// JSON is the service's failure, byte for byte as it came, or "".
	JSON string

	ctx, cause error
}

// Error returns the message, and its cause: what ended the context if that is why the call ended, or the error of
// [encoding/json] if a value could not be encoded.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Message + ": " + e.cause.Error()
	}
	return e.Message
}

// Is returns whether target is the status of the error.
func (e *Error) Is(target error) bool { return target == e.Status }

// Unwrap returns the cause, if there is one, and the error of the context that ended the call.
func (e *Error) Unwrap() []error {
	switch {
	case e.cause == nil:
		return nil
	case e.ctx == nil:
		return []error{e.cause}
	}
	return []error{e.ctx, e.cause}
}

// Decode decodes the JSON of the service's failure as [json.Unmarshal] does. It has members that Error has not, such as
// originalStatusCode.
func (e *Error) Decode(value any) error { return json.Unmarshal([]byte(e.JSON), value) }

// failed returns the error of a failure, and nil for nil.
func failed(f *abi.Failure) error {
	if f == nil {
		return nil
	}
	return newError(f)
}

func newError(f *abi.Failure) *Error {
	wait := time.Duration(-1)
	if f.RetryAfter >= 0 {
		wait = time.Duration(f.RetryAfter) * time.Millisecond
	}
	return &Error{
		Status:     Status(f.Status),
		Message:    f.Message,
		Code:       f.Code,
		Path:       f.Path,
		RequestID:  f.RequestID,
		HTTPStatus: int(f.HTTPStatus),
		Attempts:   int(f.Attempts),
		Retryable:  f.Retryable,
		RetryAfter: wait,
		JSON:       f.JSON,
	}
}

// own returns a failure that this package finds without the library. Its message is like the library's: what was being
// done, what is wrong, what to do.
func own(status Status, doing, wrong, advice string) *Error {
	message := "bedrock: " + doing + ": " + wrong
	if advice != "" {
		message += ". " + advice
	}
	return &Error{Status: status, Message: message, RetryAfter: -1}
}

// argument is an argument that the library takes as a C string, which a NUL ends.
type argument struct{ name, value string }

// checkNames returns the failure of an argument that has a NUL inside, or nil.
func checkNames(doing string, arguments ...argument) error {
	for _, a := range arguments {
		if at := strings.IndexByte(a.value, 0); at >= 0 {
			return own(ErrInvalidArgument, doing, fmt.Sprintf("%s has a NUL: the byte at offset %d", a.name, at),
				"Remove the NUL")
		}
	}
	return nil
}

// because states that the context ended the call, if it did.
func (e *Error) because(ctx context.Context) *Error {
	if e.Status == ErrCancelled && ctx.Err() != nil {
		e.ctx, e.cause = ctx.Err(), context.Cause(ctx)
	}
	return e
}
