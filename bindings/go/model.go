package bedrock

import (
	"context"
	"math"
	"runtime"
	"time"

	"github.com/libbedrock/libbedrock/bindings/go/internal/abi"
)

// Model is a model, ready to be called. All of its methods may be called by any number of goroutines at once.
type Model struct {
	owner *owner
	id    string
}

// New makes a model. It checks the complete config, and does not connect: the first call finds credentials and endpoint
// and returns their errors.
func New(config Config) (*Model, error) {
	text, err := encodeFor("making a model", config)
	if err != nil {
		return nil, err
	}
	return NewJSON(text)
}

// NewJSON makes a model from the JSON text of a config, as the C library takes it.
func NewJSON(config string) (*Model, error) {
	if f := abi.Load(); f != nil {
		return nil, failed(f)
	}
	return newModel(abi.ModelNew(config))
}

func newModel(r abi.Result) (*Model, error) {
	if f := r.Failure(); f != nil {
		return nil, failed(f)
	}
	join()
	m := &Model{id: abi.ModelID(r.Out)}
	m.owner = &owner{handle: r.Out, free: func(handle abi.Handle) {
		abi.ModelFree(handle)
		part()
	}}
	closeWith(m, m.owner)
	return m, nil
}

// With derives a model that adds members to every request: tools, system, inferenceConfig and so on. It shares
// connections, credentials and MaxConcurrency with m. "model", "timeout", "timeouts", "retry", "keep_answer" and
// "read_ahead" mean what they mean in the config:
//
//	quick, err := model.With(`{"timeouts": {"total": "10s"}}`)
func (m *Model) With(defaults any) (*Model, error) {
	text, err := encodeFor("deriving a model", defaults)
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(m)
	return newModel(abi.ModelWith(m.handle(), text))
}

// handle returns the handle, which is 0 for nil. The library knows whether it was freed.
func (m *Model) handle() abi.Handle {
	if m == nil {
		return 0
	}
	return m.owner.handle
}

// ID returns the model id of all requests that name no other.
func (m *Model) ID() string { return m.id }

// Settings returns the settings that calls of this model use, each with its source, as JSON, for people who look for a
// mistake. Nothing is sent, and the JSON holds no secret. The comment of bedrock_model_settings in bedrock.h describes
// its members. It reads AWS's files.
func (m *Model) Settings() (string, error) {
	defer runtime.KeepAlive(m)
	var text string
	var result abi.Result
	m.owner.use(func(model abi.Handle) { text, result = abi.ModelSettings(model) })
	return text, failed(result.Failure())
}

// Usage returns the usage of all calls of this model, and of the models derived from it, so far.
func (m *Model) Usage() Usage {
	defer runtime.KeepAlive(m)
	return usage(abi.ModelUsage(m.handle()))
}

// Stats returns how the calls of this model, and of all models that share its limits, run and wait now.
func (m *Model) Stats() Stats {
	defer runtime.KeepAlive(m)
	s := abi.ModelStats(m.handle())
	waited := time.Duration(s.WaitedMS) * time.Millisecond
	return Stats{s.Running, s.Waiting, s.Waits, waited, s.Refused,
		s.RequestsInMinute, s.TokensInMinute, s.RequestsPerMinute, s.TokensPerMinute}
}

// Connect makes a connection to the service ready ahead of the first call: it finds credentials, resolves the
// endpoint's name, connects and does the TLS handshake. After a failure the model is still valid. It is one of the few
// functions that hold a thread while they wait.
func (m *Model) Connect(ctx context.Context) error {
	return m.wait(ctx, "connecting", func(cancel abi.Handle) abi.Result {
		return abi.ModelConnect(m.handle(), cancel, abi.Unlimited)
	})
}

// wait does what holds a thread, until the context ends.
func (m *Model) wait(ctx context.Context, doing string, do func(cancel abi.Handle) abi.Result) error {
	if err := enter(ctx); err != nil {
		return err
	}
	defer leave()
	defer runtime.KeepAlive(m)
	var cancel abi.Handle
	if ctx.Done() != nil {
		if cancel = abi.CancelNew(); cancel == 0 {
			return own(ErrResource, doing, outOfHandles, closeMore)
		}
		defer abi.CancelFree(cancel)
		defer context.AfterFunc(ctx, func() { abi.CancelFire(cancel) })()
	}
	if f := do(cancel).Failure(); f != nil {
		return newError(f).because(ctx)
	}
	return nil
}

// SetCredentials replaces what authorizes the calls of this model, and of all models that share its connections. The
// JSON has keys of the config, such as {"bearer_token": "..."}, {"api_key": "...", "secret_key": "..."} or
// {"profile": "..."}; {} is the environment. Connections stay open. Calls that run go on: their next attempt uses the new
// credentials.
func (m *Model) SetCredentials(json string) error {
	defer runtime.KeepAlive(m)
	return failed(abi.ModelSetCredentials(m.handle(), json).Failure())
}

// APIKey makes a short-term Bedrock API key of the credentials of the model. It is valid for a time from 1 second to 12
// hours, or until the credentials expire. The key is signed here, and nothing is sent for it. It is a secret.
func (m *Model) APIKey(ctx context.Context, valid time.Duration) (string, error) {
	seconds := int32(min(max(valid/time.Second, -1), math.MaxInt32))
	buffer, length := make([]byte, 4096), 0
	for {
		err := m.wait(ctx, "making an API key", func(cancel abi.Handle) abi.Result {
			var result abi.Result
			length, result = abi.ModelAPIKey(m.handle(), seconds, cancel, buffer)
			return result
		})
		if err != nil {
			return "", err
		}
		if length < len(buffer) {
			return string(buffer[:length]), nil
		}
		buffer = make([]byte, length+1)
	}
}

// Generate sends a request and waits for the complete response. It is the operation Converse.
func (m *Model) Generate(ctx context.Context, request *Request) (*Response, error) {
	return m.Call(ctx, "Converse", request)
}

// Call calls any operation of the Bedrock runtime by its name, such as "InvokeModel", and waits for the complete
// response. The members of the request are those of the operation.
func (m *Model) Call(ctx context.Context, operation string, request *Request) (*Response, error) {
	c := m.open(ctx, operation, request)
	defer c.close()
	for {
		switch err := c.next(nil); err {
		case nil:
		case errComplete:
			return c.response()
		default:
			return nil, err
		}
	}
}

// Stream sends a request whose response is read event by event. It is the operation ConverseStream. It does not wait:
// every failure, also that of a wrong request, is returned where the stream is read.
func (m *Model) Stream(ctx context.Context, request *Request) *Stream {
	return m.CallStream(ctx, "ConverseStream", request)
}

// CallStream opens a call of any operation by its name, such as "InvokeModelWithResponseStream". An operation that
// does not stream has no events.
func (m *Model) CallStream(ctx context.Context, operation string, request *Request) *Stream {
	return newStream(m.open(ctx, operation, request))
}

// Close frees the model. Running calls, and models derived from it, go on.
func (m *Model) Close() {
	m.owner.close()
	runtime.KeepAlive(m)
}

// Usage are the tokens that were used, and the time that the service took. A field is -1 if the service gave no value.
type Usage struct {
	// InputTokens are the tokens of the request.
	InputTokens int64
	// OutputTokens are the tokens of the response.
	OutputTokens int64
	// TotalTokens are both.
	TotalTokens int64
	// CacheReadTokens were read from a prompt cache.
	CacheReadTokens int64
	// CacheWriteTokens were written to a prompt cache.
	CacheWriteTokens int64
	// Latency is the time that the service took. It is negative if the service gave none, and for a model.
	Latency time.Duration
	// CacheWrite5mTokens is the part of CacheWriteTokens that the cache keeps for five minutes.
	CacheWrite5mTokens int64
	// CacheWrite1hTokens is the part that it keeps for an hour.
	CacheWrite1hTokens int64
}

// Stats are how the calls of a model run and wait, and what counts against its limits. A field is negative if nothing
// counts it.
type Stats struct {
	// Running are the calls that run.
	Running int64
	// Waiting are the calls that wait for max_concurrency or limits.
	Waiting int64
	// Waits are the calls that have waited.
	Waits int64
	// Waited is the sum of these waits.
	Waited time.Duration
	// Refused are the calls that failed because max_queue calls waited already.
	Refused int64
	// RequestsInMinute are the requests that count in this minute.
	RequestsInMinute int64
	// TokensInMinute are the tokens that count in this minute: reserved by calls that run, used by those that ended.
	TokensInMinute int64
	// RequestsPerMinute is the limit of requests in effect, given or learned.
	RequestsPerMinute int64
	// TokensPerMinute is the limit of tokens in effect, given or learned.
	TokensPerMinute int64
}

func usage(u abi.Usage) Usage {
	latency := time.Duration(-1)
	if u.LatencyMS >= 0 {
		latency = time.Duration(u.LatencyMS) * time.Millisecond
	}
	return Usage{u.InputTokens, u.OutputTokens, u.TotalTokens, u.CacheReadTokens, u.CacheWriteTokens, latency,
		u.CacheWrite5mTokens, u.CacheWrite1hTokens}
}
