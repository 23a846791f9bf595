// Server is a Bedrock on this machine, over HTTP/2 and TLS, whose caller's access keys or API key are rotated.
//
// It writes keys into .aws/credentials, or an API key into .aws/token, replaces them at an interval, and refuses those
// that are retired. Every other time it accepts the retired keys for a while, as somebody does who rotates keys with
// care; the other times it refuses them at once. It writes its URL to stdout when it is ready. When stdin ends, it
// writes what it counted.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"time"
)

const reply = `{"output":{"message":{"role":"assistant","content":[{"text":"Hello"}]}},"stopReason":"end_turn",` +
	`"usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2},"metrics":{"latencyMs":1}}`

var (
	accessKey = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=AKIAROTATED(\d+)/`)
	apiKey    = regexp.MustCompile(`^Bearer bedrock-api-key-(\d+)$`)
)

// keys knows which keys are accepted. Those of a number are newer than those of all numbers below it.
type keys struct {
	home   string
	bearer bool

	mutex   sync.Mutex
	newest  int
	retired map[int]time.Time // when the keys of this number stop being accepted
	refused time.Time         // when a request was refused last

	counts struct {
		Accepted  int `json:"accepted"`
		Refused   int `json:"refused"`
		Unknown   int `json:"unknown"`
		Rotations int `json:"rotations"`
		// With keys that are retired, and accepted for a while.
		Late int `json:"accepted_late"`
		// After rotations that refuse the old keys at once.
		RefusedAtOnce int            `json:"refused_at_once"`
		Protocols     map[string]int `json:"protocols"`
	}
}

// write replaces the file at once, as AWS's tools do.
func (k *keys) write(number int) error {
	path := filepath.Join(k.home, ".aws", "credentials")
	text := fmt.Sprintf("[default]\naws_access_key_id = AKIAROTATED%d\naws_secret_access_key = secret%d\n", number, number)
	if k.bearer {
		path = filepath.Join(k.home, ".aws", "token")
		text = fmt.Sprintf("bedrock-api-key-%d\n", number)
	}
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// rotate makes other keys the newest. The old ones are accepted until grace has passed.
func (k *keys) rotate(grace time.Duration) error {
	k.mutex.Lock()
	old := k.newest
	k.newest++
	k.counts.Rotations++
	k.mutex.Unlock()
	if err := k.write(old + 1); err != nil {
		return err
	}
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.retired[old] = time.Now().Add(grace)
	return nil
}

func (k *keys) accept(request *http.Request) bool {
	credential := accessKey
	if k.bearer {
		credential = apiKey
	}
	found := credential.FindStringSubmatch(request.Header.Get("Authorization"))
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.counts.Protocols[request.Proto]++
	if found == nil {
		k.counts.Unknown++
		return false
	}
	number, _ := strconv.Atoi(found[1])
	until, isRetired := k.retired[number]
	switch {
	case !isRetired && number <= k.newest:
		k.counts.Accepted++
		return true
	case isRetired && time.Now().Before(until):
		k.counts.Accepted++
		k.counts.Late++
		return true
	case isRetired && number%2 == 0:
		k.counts.RefusedAtOnce++
	}
	k.counts.Refused++
	k.refused = time.Now()
	return false
}

func (k *keys) lastRefusal() time.Time {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	return k.refused
}

func (k *keys) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	io.Copy(io.Discard, request.Body)
	response.Header().Set("Content-Type", "application/json")
	if k.accept(request) {
		io.WriteString(response, reply)
		return
	}
	code, message := "UnrecognizedClientException", "The security token included in the request is invalid."
	if k.bearer {
		code, message = "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid."
	}
	response.Header().Set("x-amzn-ErrorType", code)
	response.WriteHeader(http.StatusForbidden)
	fmt.Fprintf(response, `{"message":%q}`, message)
}

// certificate makes an authority, writes it to a file, and returns a certificate for 127.0.0.1.
func certificate(file string) (tls.Certificate, error) {
	template := func(name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), BasicConstraintsValid: true,
		}
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	authority, leaf := template("authority"), template("127.0.0.1")
	authority.IsCA, authority.KeyUsage = true, x509.KeyUsageCertSign
	leaf.IPAddresses, leaf.KeyUsage = []net.IP{net.IPv4(127, 0, 0, 1)}, x509.KeyUsageDigitalSignature
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	root, err := x509.CreateCertificate(rand.Reader, authority, authority, &authorityKey.PublicKey, authorityKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	signed, err := x509.CreateCertificate(rand.Reader, leaf, authority, &key.PublicKey, authorityKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root})
	return tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: key}, os.WriteFile(file, text, 0o600)
}

func main() {
	home := flag.String("home", "", "the folder with .aws")
	bearer := flag.Bool("bearer", false, "rotate an API key")
	every := flag.Duration("every", 1500*time.Millisecond, "the time between two rotations")
	grace := flag.Duration("grace", 1300*time.Millisecond, "the time for which old keys are accepted, every other time")
	flag.Parse()
	log.SetFlags(0)

	served := &keys{home: *home, bearer: *bearer, retired: map[int]time.Time{}}
	served.counts.Protocols = map[string]int{}
	if err := served.write(0); err != nil {
		log.Fatal(err)
	}
	of127, err := certificate(filepath.Join(*home, "authority.pem"))
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := http.Server{Handler: served, TLSConfig: &tls.Config{Certificates: []tls.Certificate{of127}}}
	go func() { log.Fatal(server.ServeTLS(listener, "", "")) }()
	fmt.Printf("https://%s\n", listener.Addr())

	ended := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	start, number := time.Now(), 0
	// Each rotation has its time since the start: one that is late delays no other. But a call is sent twice at most: keys
	// are refused at once only when those that were refused before are forgotten, also on a busy machine.
	due := func() time.Time {
		next := start.Add(*every * time.Duration(number+1))
		calm := served.lastRefusal().Add(*every)
		if number%2 == 0 && next.Before(calm) {
			return calm
		}
		return next
	}
	for {
		select {
		case <-time.After(time.Until(due())):
			if time.Now().Before(due()) {
				continue
			}
			if err := served.rotate(*grace * time.Duration(number%2)); err != nil {
				log.Fatal(err)
			}
			number++
		case <-ended:
			served.mutex.Lock()
			json.NewEncoder(os.Stdout).Encode(served.counts)
			return
		}
	}
}
