package bedrock

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// Config is the configuration of a [Model]. Only Model is required. A field that is zero is not given, and then the
// library's default applies, which is in brackets. include/bedrock.h and the README of the repository document the
// keys in full.
type Config struct {
	// Model is a model id, an inference profile id or an ARN.
	Model string
	// Region is the region that is called. (AWS_REGION, AWS_DEFAULT_REGION, the profile's region, us-east-1)
	Region string

	// APIKey is an access key id. It needs SecretKey. (the credentials of the AWS environment)
	APIKey string
	// SecretKey is the secret access key of APIKey.
	SecretKey string
	// SessionToken is the session token of APIKey, if its credentials are temporary.
	SessionToken string
	// BearerToken is a Bedrock API key. (AWS_BEARER_TOKEN_BEDROCK)
	BearerToken string
	// BearerTokenFile is a file with nothing but a Bedrock API key, which another program replaces before it expires.
	BearerTokenFile string
	// Auth is "auto", "sigv4" or "bearer". ("auto")
	Auth string
	// Profile is a profile of ~/.aws/config and ~/.aws/credentials. (AWS_PROFILE, AWS_DEFAULT_PROFILE, default)
	Profile string
	// RoleARN is a role to assume with the credentials that are found.
	RoleARN string
	// RoleSessionName is the name of the session of RoleARN. (libbedrock)
	RoleSessionName string
	// ExternalID is the external id for RoleARN.
	ExternalID string

	// BaseURL is another endpoint for Bedrock. (AWS_ENDPOINT_URL_BEDROCK_RUNTIME, AWS_ENDPOINT_URL, the region's)
	BaseURL string
	// AllowHTTP permits a BaseURL of http:// to another machine.
	AllowHTTP bool
	// FIPS states whether the region's FIPS endpoint is called. (AWS_USE_FIPS_ENDPOINT, the profile)
	FIPS *bool
	// DualStack states whether the region's dual-stack endpoint is called. (AWS_USE_DUALSTACK_ENDPOINT, the profile)
	DualStack *bool
	// CAFile is a PEM file with the certificates to trust. (AWS_CA_BUNDLE, SSL_CERT_FILE, the system's)
	CAFile string
	// Proxy is the URL of an HTTP proxy. (HTTPS_PROXY, ALL_PROXY)
	Proxy string
	// HTTPVersion is "auto", "1.1" or "2". ("auto")
	HTTPVersion string
	// UserAgent is a text such as app/1.2, added to the user agent.
	UserAgent string

	// Timeout is the longest wait without progress. (5 minutes)
	Timeout time.Duration
	// Timeouts are the timers one by one.
	Timeouts Timeouts
	// Retry is how failed attempts are repeated.
	Retry Retry
	// Cache is where cache points are added to requests.
	Cache Cache
	// MaxConcurrency is the most calls that run at once on this model and those derived from it. (no limit)
	MaxConcurrency int
	// MaxQueue is the most calls that wait for MaxConcurrency; one more fails with ErrThrottled. (no limit)
	MaxQueue int
	// Limits is the quota of a minute for the calls of this model and those derived from it.
	Limits Limits
	// Fallbacks are other targets for Converse and ConverseStream, in their order.
	Fallbacks []Fallback
	// FallbackOn has more failures after which the next target is called: "access_denied", "context_overflow",
	// "not_found" and "validation".
	FallbackOn []string
	// Cooldown is the time for which a target that failed is not called while another can be. (30 seconds)
	Cooldown time.Duration
	// HedgeAfter is the time without content after which the next target is called too. (never)
	HedgeAfter time.Duration
	// MaxAnswer is the most bytes of one response. (256 MiB)
	MaxAnswer int64
	// KeepAnswer states whether the library keeps the events that it has delivered, for [Stream.Response]. (true)
	KeepAnswer *bool
	// ReadAhead is about how many bytes of a stream wait in memory until the program reads them. (256 KiB)
	ReadAhead int64

	// Defaults are request members for every request.
	Defaults any
	// Lint is "error" or "off": whether requests are checked before they are sent. ("error")
	Lint string
	// Transport is a script, a recording or a replay in place of the network. See [Replies].
	Transport any
	// Extra has keys of the config that this version of the package does not know.
	Extra map[string]any
}

// Timeouts are the timers of a call. A zero timer is not given.
type Timeouts struct {
	// Connect limits a new connection. (3.1 seconds)
	Connect time.Duration
	// FirstEvent limits the wait for the first event of a stream. (Config.Timeout)
	FirstEvent time.Duration
	// Idle limits the wait for each next event of a stream. (Config.Timeout)
	Idle time.Duration
	// Total limits a whole call.
	Total time.Duration
	// Queue limits the wait for MaxConcurrency.
	Queue time.Duration
}

// Retry is how failed attempts are repeated.
type Retry struct {
	// MaxAttempts is the most attempts of a call, the first included. 1 turns retries off. (3)
	MaxAttempts int
	// Mode is "standard" or "adaptive". ("standard")
	Mode string
	// MaxBackoff is the longest wait between two attempts. (20 seconds)
	MaxBackoff time.Duration
	// ThrottledFor is the time for which a throttled call is tried again, beyond MaxAttempts. (not at all)
	ThrottledFor time.Duration
}

// Limits is the quota of a minute. A zero number is no limit.
type Limits struct {
	// RequestsPerMinute is the most requests that are sent in a minute.
	RequestsPerMinute int
	// TokensPerMinute is the most tokens that are reserved and used in a minute.
	TokensPerMinute int
	// Adaptive learns lower limits from the refusals of the service.
	Adaptive bool
}

// Fallback is another target for a call. What it does not name is that of the model.
type Fallback struct {
	// Model is a model id, an inference profile id or an ARN.
	Model string
	// Region is the region that is called.
	Region string
	// BaseURL is another endpoint.
	BaseURL string
	// Request has members that replace those of the request.
	Request any
}

// Cache is where cache points are added to the requests of Converse.
type Cache struct {
	// Points are "system", "tools" and "last_user": the places at whose end a cache point is added, if the request has
	// none there. (none)
	Points []string
	// TTL is "5m" or "1h": how long the service keeps what is before these cache points. (the service's, 5 minutes)
	TTL string
}

// Replies is a [Config.Transport] that takes the place of the network, for tests without AWS: each request gets the next
// reply. A string is the text of a response. The README of the repository lists the other kinds of replies.
func Replies(replies ...any) any { return map[string]any{"replies": replies} }

// Record is a [Config.Transport] that writes all calls into a file, without credentials.
func Record(file string) any { return map[string]any{"record": file} }

// Replay is a [Config.Transport] that takes responses from such a file, without a network.
func Replay(file string) any { return map[string]any{"replay": file} }

// keys has the keys of a JSON object, without those that are not given.
type keys map[string]any

func (k keys) text(key, value string) {
	if value != "" {
		k[key] = value
	}
}

func (k keys) number(key string, value int64) {
	if value != 0 {
		k[key] = value
	}
}

func (k keys) switched(key string, value *bool) {
	if value != nil {
		k[key] = *value
	}
}

// duration writes a duration as the library reads it. What is shorter than a millisecond is a millisecond.
func (k keys) duration(key string, value time.Duration) {
	if value != 0 {
		if value > 0 && value < time.Millisecond {
			value = time.Millisecond
		}
		k[key] = fmt.Sprintf("%dms", value.Milliseconds())
	}
}

func (k keys) object(key string, value keys) {
	if len(value) > 0 {
		k[key] = value
	}
}

// json adds a value that is JSON text or that encoding/json encodes.
func (k keys) json(key string, value any) error {
	if value == nil {
		return nil
	}
	text, err := encode(value)
	k[key] = json.RawMessage(text)
	return err
}

func (l Limits) keys() keys {
	limits := keys{}
	limits.number("requests_per_minute", int64(l.RequestsPerMinute))
	limits.number("tokens_per_minute", int64(l.TokensPerMinute))
	if l.Adaptive {
		limits["adaptive"] = true
	}
	return limits
}

// failover adds the keys about other targets.
func (c Config) failover(config keys) error {
	var fallbacks []keys
	for _, fallback := range c.Fallbacks {
		target := keys{}
		target.text("model", fallback.Model)
		target.text("region", fallback.Region)
		target.text("base_url", fallback.BaseURL)
		if err := target.json("request", fallback.Request); err != nil {
			return err
		}
		fallbacks = append(fallbacks, target)
	}
	if len(fallbacks) > 0 {
		config["fallbacks"] = fallbacks
	}
	if len(c.FallbackOn) > 0 {
		config["fallback_on"] = c.FallbackOn
	}
	config.duration("cooldown", c.Cooldown)
	hedge := keys{}
	hedge.duration("after", c.HedgeAfter)
	config.object("hedge", hedge)
	return nil
}

// MarshalJSON returns the config as JSON. It holds the credentials of the config.
func (c Config) MarshalJSON() ([]byte, error) {
	timeouts, retry, cache, config := keys{}, keys{}, keys{}, keys{}
	timeouts.duration("connect", c.Timeouts.Connect)
	timeouts.duration("first_event", c.Timeouts.FirstEvent)
	timeouts.duration("idle", c.Timeouts.Idle)
	timeouts.duration("total", c.Timeouts.Total)
	timeouts.duration("queue", c.Timeouts.Queue)
	retry.number("max_attempts", int64(c.Retry.MaxAttempts))
	retry.text("mode", c.Retry.Mode)
	retry.duration("max_backoff", c.Retry.MaxBackoff)
	if c.Cache.Points != nil {
		cache["points"] = c.Cache.Points
	}
	cache.text("ttl", c.Cache.TTL)
	throttling := keys{}
	throttling.duration("max_elapsed", c.Retry.ThrottledFor)
	retry.object("throttling", throttling)

	maps.Copy(config, c.Extra)
	config.text("model", c.Model)
	config.text("region", c.Region)
	config.text("api_key", c.APIKey)
	config.text("secret_key", c.SecretKey)
	config.text("session_token", c.SessionToken)
	config.text("bearer_token", c.BearerToken)
	config.text("bearer_token_file", c.BearerTokenFile)
	config.text("auth", c.Auth)
	config.text("profile", c.Profile)
	config.text("role_arn", c.RoleARN)
	config.text("role_session_name", c.RoleSessionName)
	config.text("external_id", c.ExternalID)
	config.text("base_url", c.BaseURL)
	if c.AllowHTTP {
		config["allow_http"] = true
	}
	config.switched("fips", c.FIPS)
	config.switched("dual_stack", c.DualStack)
	config.text("ca_file", c.CAFile)
	config.text("proxy", c.Proxy)
	config.text("http_version", c.HTTPVersion)
	config.text("user_agent", c.UserAgent)
	config.duration("timeout", c.Timeout)
	config.object("timeouts", timeouts)
	config.object("retry", retry)
	config.object("cache", cache)
	config.number("max_concurrency", int64(c.MaxConcurrency))
	config.number("max_queue", int64(c.MaxQueue))
	config.object("limits", c.Limits.keys())
	if err := c.failover(config); err != nil {
		return nil, err
	}
	config.number("max_answer", c.MaxAnswer)
	config.switched("keep_answer", c.KeepAnswer)
	config.number("read_ahead", c.ReadAhead)
	if err := config.json("defaults", c.Defaults); err != nil {
		return nil, err
	}
	config.text("lint", c.Lint)
	if err := config.json("transport", c.Transport); err != nil {
		return nil, err
	}
	text, err := encode(map[string]any(config))
	return []byte(text), err
}
