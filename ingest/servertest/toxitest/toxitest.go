// Package toxitest puts a Toxiproxy (github.com/Shopify/toxiproxy) between a test and a real
// server, in the process of the test: connections through it can be cut, slowed down, frozen and
// reset at any moment, as a bad network does.
package toxitest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"saisine.fr/saisine/ingest/servertest"
)

// Attributes are the settings of a toxic, by the names that Toxiproxy's documentation gives them.
// Times are in milliseconds, rates in KB/s.
type Attributes map[string]any

// Proxy listens on a port of 127.0.0.1 and passes everything on to another one. Its methods are
// for one goroutine at a time.
type Proxy struct {
	// Port is where it listens.
	Port int

	tb    testing.TB
	proxy *toxiproxy.Proxy
	n     int
}

// Start runs a proxy before a port of 127.0.0.1 until the test ends. Nobody need listen there yet.
func Start(tb testing.TB, port int) *Proxy {
	tb.Helper()
	p := &Proxy{tb: tb}
	var err error
	if p.Port, err = servertest.FreePort(); err != nil {
		tb.Fatal(err)
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p.proxy = toxiproxy.NewProxy(server, "toxitest", local(p.Port), local(port))
	p.Up()
	tb.Cleanup(p.Down)
	return p
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// Down refuses new connections and ends all there are, as a server that is turned off does.
func (p *Proxy) Down() {
	p.Clear()
	p.proxy.Stop()
}

// Up takes connections again.
func (p *Proxy) Up() {
	p.tb.Helper()
	if err := p.proxy.Start(); err != nil {
		p.tb.Fatalf("toxitest: %v", err)
	}
}

// Downstream poisons what comes from the server, on the connections that there are and on new
// ones, until Clear. kind is one of Toxiproxy's: limit_data, bandwidth, slicer, latency, timeout,
// reset_peer, slow_close.
func (p *Proxy) Downstream(kind string, a Attributes) { p.tb.Helper(); p.add(kind, "downstream", a) }

// Upstream poisons what goes to the server.
func (p *Proxy) Upstream(kind string, a Attributes) { p.tb.Helper(); p.add(kind, "upstream", a) }

func (p *Proxy) add(kind, stream string, a Attributes) {
	p.tb.Helper()
	p.n++
	body, err := json.Marshal(map[string]any{
		"name": fmt.Sprintf("%s-%d", kind, p.n), "type": kind, "stream": stream, "attributes": a,
	})
	if err == nil {
		_, err = p.proxy.Toxics.AddToxicJson(bytes.NewReader(body))
	}
	if err != nil {
		p.tb.Fatalf("toxitest: %s: %v", kind, err)
	}
}

// Clear takes all poison away. Connections that "timeout" held end with it; others go on.
func (p *Proxy) Clear() { p.proxy.Toxics.ResetToxics(context.Background()) }
