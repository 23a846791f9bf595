package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// word is the text of an event.
const word = "twenty bytes of text"

// addresses is where the server listens, and the file with the certificate that it is trusted by.
type addresses struct{ HTTP, HTTPS, CA string }

// serve plays the service until stdin is closed. The model id tells what to send: KIND-EVENTS.
func serve() {
	folder, err := os.MkdirTemp("", "compare")
	must(err)
	defer os.RemoveAll(folder)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	secure, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	certificate, authority := certify()
	file := folder + "/ca.pem"
	must(os.WriteFile(file, authority, 0o600))

	http1 := &http.Server{Handler: http.HandlerFunc(stream)}
	http2 := &http.Server{Handler: http.HandlerFunc(stream),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}}}
	go func() { _ = http1.Serve(plain) }()
	go func() { _ = http2.ServeTLS(secure, "", "") }()
	must(json.NewEncoder(os.Stdout).Encode(addresses{
		"http://" + plain.Addr().String(), "https://" + secure.Addr().String(), file}))
	_, _ = io.Copy(io.Discard, os.Stdin)
	must(http1.Close())
	must(http2.Close())
}

// pauses are the times between two events of each kind of stream.
var pauses = map[string]time.Duration{"burst": 0, "paced": time.Millisecond, "slow": 50 * time.Millisecond}

var (
	begin = frame("messageStart", map[string]any{"role": "assistant"})
	event = frame("contentBlockDelta", map[string]any{"contentBlockIndex": 0, "delta": map[string]any{"text": word}})
	end   = append(append(frame("contentBlockStop", map[string]any{"contentBlockIndex": 0}),
		frame("messageStop", map[string]any{"stopReason": "end_turn"})...),
		frame("metadata", map[string]any{
			"usage":   map[string]any{"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
			"metrics": map[string]any{"latencyMs": 4}})...)
)

func stream(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	// The SDK closes its request's body as soon as a response begins. If net/http's writer has not seen the end of the
	// body by then, it closes the connection. Only a server on the same machine is so fast.
	time.Sleep(time.Millisecond)
	model := strings.Split(r.URL.Path, "/")[2]
	kind, number, _ := strings.Cut(model, "-")
	events, err := strconv.Atoi(number)
	pause, known := pauses[kind]
	if err != nil || !known {
		http.Error(w, "no such model", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	write := func(frame []byte) {
		_, _ = w.Write(frame)
		w.(http.Flusher).Flush() // each event is sent on its own, as the service does
	}
	write(begin)
	for next := time.Now(); events > 0; events-- {
		if pause > 0 {
			next = next.Add(pause)
			time.Sleep(time.Until(next))
		}
		write(event)
	}
	write(end)
}

func frame(name string, payload any) []byte {
	text, err := json.Marshal(payload)
	must(err)
	var encoded bytes.Buffer
	must(eventstream.NewEncoder().Encode(&encoded, eventstream.Message{
		Headers: eventstream.Headers{
			{Name: ":event-type", Value: eventstream.StringValue(name)},
			{Name: ":content-type", Value: eventstream.StringValue("application/json")},
			{Name: ":message-type", Value: eventstream.StringValue("event")},
		},
		Payload: text,
	}))
	return encoded.Bytes()
}

// certify makes an authority, and a certificate of it for this machine.
func certify() (tls.Certificate, []byte) {
	key := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(err)
		return k
	}
	template := func(name string) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	}
	authorityKey, serverKey := key(), key()
	authority, server := template("compare"), template("localhost")
	authority.IsCA, authority.BasicConstraintsValid, authority.KeyUsage = true, true, x509.KeyUsageCertSign
	server.SerialNumber = big.NewInt(2)
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	root, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	must(err)
	leaf, err := x509.CreateCertificate(rand.Reader, server, authority, serverKey.Public(), authorityKey)
	must(err)
	return tls.Certificate{Certificate: [][]byte{leaf}, PrivateKey: serverKey},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root})
}
