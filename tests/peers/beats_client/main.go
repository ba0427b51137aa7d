// A Beat reduced to its transport: Elastic's Go library sends numbered events, and every number that was acknowledged is
// written to a file. What was not acknowledged is sent again on a new connection, as Beats do.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	lumber "github.com/elastic/go-lumber/client/v2"
)

var (
	address     = flag.String("address", "127.0.0.1:5044", "server")
	count       = flag.Int("n", 1000, "events")
	window      = flag.Int("window", 2048, "events per window")
	inflight    = flag.Int("inflight", 4, "windows under way (async)")
	async       = flag.Bool("async", false, "do not wait for one window before the next")
	compression = flag.Int("compression", 3, "zlib level, 0 for none")
	authority   = flag.String("ca", "", "certificate of the server's authority: TLS")
	certificate = flag.String("cert", "", "client certificate")
	key         = flag.String("key", "", "its key")
	acked       = flag.String("acked", "", "file for acknowledged numbers")
	patience    = flag.Duration("timeout", 30*time.Second, "longest wait for an acknowledgement")
	deadline    = flag.Duration("deadline", 10*time.Minute, "give up")
	reconnects  = flag.Int("reconnects", 0, "connections that may fail")
)

func fail(what string, err error) {
	fmt.Fprintln(os.Stderr, what, err)
	os.Exit(1)
}

func tlsConfig() *tls.Config {
	if *authority == "" {
		return nil
	}
	pem, err := os.ReadFile(*authority)
	if err != nil {
		fail("ca:", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	config := &tls.Config{RootCAs: pool, ServerName: "localhost"}
	if *certificate != "" {
		pair, err := tls.LoadX509KeyPair(*certificate, *key)
		if err != nil {
			fail("cert:", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config
}

func event(number int) interface{} {
	return map[string]interface{}{
		"@timestamp": "2024-05-06T07:08:09.123Z",
		"@metadata":  map[string]interface{}{"beat": "peer", "type": "_doc", "version": "8.1.0"},
		"message":    fmt.Sprintf("event number %d of \"the\" test", number),
		"host":       map[string]interface{}{"name": "peer"},
		"n":          number,
	}
}

// The numbers that are still to be sent, and the file of those that are safe.
type ledger struct {
	sync.Mutex
	waiting []int
	open    int
	out     *bufio.Writer
}

func (l *ledger) take(most int) []int {
	l.Lock()
	defer l.Unlock()
	if most > len(l.waiting) {
		most = len(l.waiting)
	}
	taken := l.waiting[:most:most]
	l.waiting = l.waiting[most:]
	return taken
}

func (l *ledger) settle(numbers []int, safe int) {
	l.Lock()
	defer l.Unlock()
	for _, number := range numbers[:safe] {
		fmt.Fprintln(l.out, number)
	}
	l.open -= safe
	l.waiting = append(l.waiting, numbers[safe:]...)
}

func (l *ledger) isDone() bool {
	l.Lock()
	defer l.Unlock()
	return l.open == 0
}

func dial(config *tls.Config) (*lumber.Client, error) {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	connect := dialer.Dial
	if config != nil {
		connect = func(network, address string) (net.Conn, error) {
			return tls.DialWithDialer(dialer, network, address, config)
		}
	}
	return lumber.DialWith(connect, *address, lumber.CompressionLevel(*compression), lumber.Timeout(*patience))
}

// Sends until everything is safe or the connection fails.
func send(l *ledger, config *tls.Config) error {
	client, err := dial(config)
	if err != nil {
		return err
	}
	if !*async {
		sync, _ := lumber.NewSyncClientWith(client)
		defer sync.Close()
		for {
			numbers := l.take(*window)
			if len(numbers) == 0 {
				return nil
			}
			safe, err := sync.Send(events(numbers))
			l.settle(numbers, safe)
			if err != nil {
				return err
			}
		}
	}
	many, err := lumber.NewAsyncClientWith(client, *inflight)
	if err != nil {
		return err
	}
	var failure error
	var mutex sync.Mutex
	var answers sync.WaitGroup
	for {
		mutex.Lock()
		err := failure
		mutex.Unlock()
		numbers := l.take(*window)
		if err != nil || len(numbers) == 0 {
			l.settle(numbers, 0)
			break
		}
		answers.Add(1)
		many.Send(func(safe uint32, err error) {
			l.settle(numbers, int(safe))
			if err != nil {
				mutex.Lock()
				failure = err
				mutex.Unlock()
			}
			answers.Done()
		}, events(numbers))
	}
	answers.Wait()
	many.Close()
	return failure
}

func events(numbers []int) []interface{} {
	out := make([]interface{}, len(numbers))
	for i, number := range numbers {
		out[i] = event(number)
	}
	return out
}

func main() {
	flag.Parse()
	file, err := os.Create(*acked)
	if err != nil {
		fail("acked:", err)
	}
	l := &ledger{open: *count, out: bufio.NewWriter(file)}
	for i := 0; i < *count; i++ {
		l.waiting = append(l.waiting, i)
	}
	config := tlsConfig()
	end := time.Now().Add(*deadline)
	failures := 0
	for !l.isDone() {
		if time.Now().After(end) {
			fail("deadline:", fmt.Errorf("%d events are not acknowledged", l.open))
		}
		if err := send(l, config); err != nil {
			failures++
			if failures > *reconnects {
				fail("connection:", err)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	l.out.Flush()
	fmt.Println(failures, "connections failed")
}
