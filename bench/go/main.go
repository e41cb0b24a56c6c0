// SPDX-License-Identifier: Apache-2.0

// Go's channels as a contender: the same cases, the same line of results as the C
// programs. Messages are arrays of 64 bytes, copied in and out of the channel. Both
// sides are goroutines; how many threads they get is GOMAXPROCS, which follows the
// cores that the process may use.
package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"
)

type message [64]byte

type request struct {
	m    message
	back chan message
}

var source [16]message

// A case runs n messages through goroutines that it starts, and returns what was
// received added up.
type run func(n int) int

func oneWay(depth int) run {
	return func(n int) int {
		c := make(chan message, depth)
		go func() {
			for i := 0; i < n; i++ {
				c <- source[i&15]
			}
		}()
		sum := 0
		for i := 0; i < n; i++ {
			m := <-c
			sum += int(m[0])
		}
		return sum
	}
}

func ping(n int) int {
	there, back := make(chan message), make(chan message)
	go func() {
		for i := 0; i < n; i++ {
			m := <-there
			back <- m
		}
	}()
	sum := 0
	for i := 0; i < n; i++ {
		there <- source[i&15]
		m := <-back
		sum += int(m[0])
	}
	return sum
}

func reply(n int) int {
	c := make(chan request)
	go func() {
		for i := 0; i < n; i++ {
			r := <-c
			r.back <- r.m
		}
	}()
	sum := 0
	for i := 0; i < n; i++ {
		back := make(chan message, 1)
		c <- request{source[i&15], back}
		m := <-back
		sum += int(m[0])
	}
	return sum
}

// One goroutine: as many as fit in, then the same out again.
func alone(batch int) run {
	return func(n int) int {
		c := make(chan message, batch)
		sum := 0
		for n > 0 {
			k := batch
			if n < k {
				k = n
			}
			for i := 0; i < k; i++ {
				c <- source[(sum+i)&15]
			}
			for i := 0; i < k; i++ {
				m := <-c
				sum += int(m[0])
			}
			n -= k
		}
		return sum
	}
}

func listen(network string) net.Listener {
	if network == "unix" {
		l, err := net.Listen("unix", fmt.Sprintf("@beam-bench-go-%d", os.Getpid()))
		check(err)
		return l
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	return l
}

// Round trips over a socket, both ends in this process: goroutines read and write.
func socketPing(network string) run {
	l := listen(network)
	a, err := net.Dial(network, l.Addr().String())
	check(err)
	b, err := l.Accept()
	check(err)
	return func(n int) int {
		go func() {
			var m message
			for i := 0; i < n; i++ {
				_, err := b.Read(m[:])
				check(err)
				_, err = b.Write(m[:])
				check(err)
			}
		}()
		var m message
		sum := 0
		for i := 0; i < n; i++ {
			_, err := a.Write(source[i&15][:])
			check(err)
			_, err = a.Read(m[:])
			check(err)
			sum += int(m[0])
		}
		return sum
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func cpu() (ns int64, switches int64) {
	var u syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return u.Utime.Nano() + u.Stime.Nano(), u.Nvcsw + u.Nivcsw
}

func main() {
	names := []string{"mem-1024", "mem-128", "mem-0", "mem-ping", "mem-reply", "alone",
		"unix-ping", "tcp-ping"}
	if len(os.Args) < 2 {
		for _, name := range names {
			fmt.Println(name)
		}
		return
	}
	wanted := 100 * time.Millisecond
	if len(os.Args) > 2 {
		ms, err := strconv.Atoi(os.Args[2])
		check(err)
		wanted = time.Duration(ms) * time.Millisecond
	}
	for i := range source {
		source[i][0] = byte(i)
	}

	var f run
	switch os.Args[1] {
	case "mem-1024":
		f = oneWay(1024)
	case "mem-128":
		f = oneWay(128)
	case "mem-0":
		f = oneWay(0)
	case "mem-ping":
		f = ping
	case "mem-reply":
		f = reply
	case "alone":
		f = alone(128)
	case "unix-ping":
		f = socketPing("unix")
	case "tcp-ping":
		f = socketPing("tcp")
	default:
		fmt.Fprintln(os.Stderr, "no case", os.Args[1])
		os.Exit(2)
	}

	n := 64
	for {
		begin := time.Now()
		f(n)
		t := time.Since(begin)
		if t > wanted/5 {
			n = int(float64(n) * float64(wanted) / float64(t))
			break
		}
		if t < wanted/80 {
			n *= 8
		} else {
			n *= 2
		}
	}

	c0, s0 := cpu()
	begin := time.Now()
	f(n)
	t := time.Since(begin)
	c1, s1 := cpu()
	fmt.Printf("ops=%d ns=%d cpu=%d allocs=0 switches=%d a=0 b=0\n", n, t.Nanoseconds(), c1-c0,
		s1-s0)
}
