#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Peers that are slow, broken or hostile, on either side of the library.

    mux_hostile.py HOST [PART-OF-A-NAME...]

HOST is the program of host.c. mux_check.py asks an echo that behaves for the answer
to each rule; here the peer stops in the middle, says nothing, says too much, or is
gone, in its greeting, in a frame, in a message; and the library is dialled or dials.
After each, the one that was served must still answer another. Says TAP.
"""

import array
import os
import random
import select
import socket
import struct
import subprocess
import sys
import tempfile

from mux_peer import *

TESTS = []
PATIENCE = 10
HELLO_MS = 300
DIR = tempfile.mkdtemp(prefix="beam-hostile-")


def test(fn):
    TESTS.append(fn)
    return fn


def equal(a, b):
    if a != b:
        raise AssertionError(f"{a!r} is not {b!r}")


class Host:
    """The library serves."""

    def __init__(self, url, *options):
        self.p = subprocess.Popen([sys.argv[1], "serve", url, *options], stdout=subprocess.PIPE)
        self.url = self.p.stdout.readline().decode().strip()
        if not self.url.startswith(("unix:", "tcp:")):
            raise AssertionError(f"host: {self.url}")

    def raw(self):
        if self.url.startswith("unix:"):
            s = socket.socket(socket.AF_UNIX)
            s.connect(self.url[5:])
        else:
            host, _, port = self.url[6:].rpartition(":")
            s = socket.create_connection((host, int(port)))
        s.settimeout(PATIENCE)
        return s

    def answers(self):
        with Peer.dial(self.url) as p:
            ch, back = p.open(RECEIVER, 1, b"echo"), p.channel()
            ch.send(b"still there", [Thing(SENDER, back, 1)])
            equal(back.recv().data, b"still there")

    def stop(self):
        alive = self.p.poll() is None
        self.p.terminate()
        self.p.wait()
        self.p.stdout.close()
        if not alive:
            raise AssertionError(f"host: ended with {self.p.returncode}")


HOSTS = {}


def host(kind="unix", *options):
    key = (kind, options)
    if key not in HOSTS:
        url = f"unix:{DIR}/s{len(HOSTS)}" if kind == "unix" else "tcp://127.0.0.1:0"
        HOSTS[key] = Host(url, *options)
    return HOSTS[key]


def rest(s):
    """All that comes until the end, which has to come."""
    out = b""
    try:
        while data := s.recv(65536):
            out += data
    except ConnectionResetError:
        pass
    s.close()
    return out


def frames(data):
    equal(data[:8], PREFACE)
    return list(Decoder().feed(data))


def away_code(data):
    last = frames(data)[-1]
    equal(TYPES[last.type], "away")
    return last.meaning["code"]


GREETING = PREFACE + encode_hello(role=DIALLED)


# greetings


@test
def closed_at_once():
    for kind in ("unix", "tcp"):
        for _ in range(20):
            host(kind).raw().close()
        host(kind).answers()


@test
def greeting_cut_anywhere():
    h = host()
    for n in range(len(GREETING)):
        s = h.raw()
        s.sendall(GREETING[:n])
        s.shutdown(socket.SHUT_WR)
        rest(s)
    h.answers()


@test
def greeting_never_finished():
    h = host("unix", f"hello_timeout={HELLO_MS}")
    waiting = []
    for n in (0, 1, 7, 8, 12, len(GREETING) - 1):
        s = h.raw()
        s.sendall(GREETING[:n])
        waiting.append(s)
        h.answers()  # nobody waits for them
    for s in waiting:
        rest(s)
    h.answers()


@test
def preface_of_others():
    for bad in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00", b"SSH-2.0-x\r\n", PREFACE[:7] + b"\x02", b"\x00"):
        s = host().raw()
        s.sendall(bad)
        got = rest(s)
        for f in frames(got) if got else []:
            if f.type == AWAY:
                raise AssertionError("AWAY to who does not speak it")
    host().answers()


@test
def hello_too_long():
    s = host().raw()
    s.sendall(PREFACE + encode(HELLO, 0, bytes(1025)))
    equal(away_code(rest(s)), LIMIT)
    host().answers()


@test
def many_who_say_nothing():
    h = host("unix", f"hello_timeout={HELLO_MS}")
    crowd = [h.raw() for _ in range(100)]
    h.answers()
    for s in crowd:
        rest(s)


@test
def more_pending_than_allowed():
    h = host("tcp", f"hello_timeout={20 * HELLO_MS}")
    crowd = []
    for _ in range(300):
        crowd.append(h.raw())
    for s in crowd:
        s.close()
    h.answers()


# frames


@test
def frame_too_long():
    with Peer.dial(host().url) as p:
        allowed = p.theirs["max_frame"]
    for length in (allowed + 1, 0xFFFFFF):
        s = host().raw()
        s.sendall(GREETING + length.to_bytes(3, "big") + bytes([MSG, 0, 0]) + (1).to_bytes(6, "big"))
        equal(away_code(rest(s)), LIMIT)
    host().answers()


@test
def half_a_frame_then_the_end():
    wire = GREETING + encode_open(1, RECEIVER, 4, b"x") + encode(MSG, 1, b"whole") + encode_thing(1, SENDER, 3, 1)
    wire += encode(MSG, 1, encode_msg_head(200) + bytes(100), HEAD | MORE) + encode(MSG, 1, bytes(100), REST)
    for n in range(len(GREETING), len(wire), 3):
        s = host().raw()
        s.sendall(wire[:n])
        s.shutdown(socket.SHUT_WR)
        rest(s)
    host().answers()


@test
def half_a_frame_then_silence():
    h = host()
    quiet = []
    for n in (3, 12, 15):
        s = h.raw()
        s.sendall(GREETING + encode_open(1, RECEIVER, 4, b"x") + encode(MSG, 1, b"message")[:n])
        quiet.append(s)
        h.answers()
    for s in quiet:
        s.close()
    h.answers()


@test
def reset_in_the_middle():
    h = host("tcp")
    for n in range(0, 200, 7):
        s = h.raw()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.sendall((GREETING + encode_open(1, RECEIVER, 1) + encode(MSG, 1, bytes(150)))[:n])
        s.close()
    h.answers()


@test
def never_reads():
    """Questions whose answers nobody reads: bounded, and others are served."""
    h = host()
    s = h.raw()
    s.setblocking(False)
    out = GREETING + b"".join(encode(PING, 0, bytes(8)) for _ in range(100000))
    sent = 0
    while sent < len(out):
        if not select.select([], [s], [], 0.3)[1]:
            break
        try:
            sent += s.send(out[sent:])
        except (BrokenPipeError, ConnectionResetError):
            break
    h.answers()
    s.close()
    h.answers()


@test
def garbage_after_away():
    """M62: who reads an AWAY with a code closes, and looks at nothing after it."""
    s = host().raw()
    s.sendall(GREETING + encode_away(CANCELED, 0, b"bye") + os.urandom(1000))
    equal([TYPES[f.type] for f in frames(rest(s))], ["hello"])
    host().answers()


@test
def frames_after_orderly_away():
    p = Peer.dial(host().url)
    p.open(RECEIVER, 1, b"x")
    p.put(encode_away() + encode_open(99, RECEIVER, 1))
    # known by its id as one that nobody will see: closed unread (M60)
    host().answers()


# limits


@test
def more_channels_than_allowed():
    h = host("unix", "max_channels=4")
    p = Peer.dial(h.url)
    equal(p.theirs["max_opens"], 4)
    wire = b"".join(encode_open(i, RECEIVER, 1) for i in (1, 3, 5, 7, 9))
    p.put(wire)
    ends_with(p, PROTOCOL)
    h.answers()


@test
def more_channels_by_things():
    h = host("unix", "max_channels=4")
    p = Peer.dial(h.url)
    p.put(encode_open(1, RECEIVER, 1) + b"".join(encode_thing(1, SENDER, i, 1) for i in (3, 5, 7, 9)))
    ends_with(p, PROTOCOL)
    h.answers()


def ends_with(p, code):
    """M65: AWAY with @code, and nothing else will do."""
    try:
        p.pump(lambda: False, PATIENCE)
    except Closed as e:
        equal(e.code, code)
    finally:
        p.close()


@test
def things_without_end():
    """THINGs, and never their message; more than HELLO told is a rule broken."""
    h = host("unix", "max_things=8")
    p = Peer.dial(h.url)
    ch = p.open(RECEIVER, 1, b"x")
    for _ in range(20):
        p.announce(c := p.channel(), SENDER, 1)
        p.put(encode_thing(ch.id, SENDER, c.id, 1))
    ends_with(p, LIMIT)
    h.answers()


@test
def message_too_long():
    h = host("unix", "max_msg=1000")
    with Peer.dial(h.url) as p:
        equal(p.theirs["max_msg"], 1000)
        ok, back = p.open(RECEIVER, 1, b"x"), p.channel()
        ok.send(bytes(1000), [Thing(SENDER, back, 1)])
        equal(len(back.recv().data), 1000)
    for total in (1001, 2**63, 2**64 - 1):
        p = Peer.dial(h.url)
        ch = p.open(RECEIVER, 4, b"x")
        p.frame(MSG, ch.id, encode_msg_head(total) + bytes(10), HEAD | MORE)
        ends_with(p, LIMIT)
    h.answers()


@test
def nested_too_deep():
    h = host("unix", "max_nesting=4")
    with Peer.dial(h.url) as p:
        # The host takes from the first channel; what lies deeper it has not seen.
        top = p.open(RECEIVER, 2, b"x")
        top.send(b"first")
        chain, wire = [top], b""
        for i in range(12):
            p.announce(c := p.channel(), RECEIVER, 2)
            wire += encode_thing(chain[-1].id, RECEIVER, c.id, 2) + encode(MSG, chain[-1].id, b"in")
            chain[-1].out_messages += 1
            chain[-1].out_bytes += 2
            chain.append(c)
        p.put(wire)
        p.pump(lambda: any(c.stopped for c in chain[1:]), PATIENCE)
        p.ping()
    h.answers()


# descriptors


def with_fds(s, data, fds):
    s.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])


@test
def descriptors_ahead_of_their_frames():
    h = host()
    p = Peer.dial(h.url)
    fd = os.open("/dev/null", os.O_RDONLY)
    try:
        for _ in range(600):
            with_fds(p.sock, encode(PING, 0, b"12345678"), [fd])
    except OSError:
        pass
    os.close(fd)
    p.pings.extend([b"12345678"] * 600)
    try:
        p.pump(lambda: False, PATIENCE)
    except (Closed, Lost) as e:
        equal(not isinstance(e, Closed) or e.code in (PROTOCOL, INTERNAL), True)
    finally:
        p.close()
    h.answers()


@test
def descriptors_with_no_frame_at_all():
    h = host()
    fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(10)]
    s = h.raw()
    with_fds(s, GREETING[:1], fds)
    s.sendall(GREETING[1:])
    s.close()
    for fd in fds:
        os.close(fd)
    h.answers()
    # None of them stayed open over there.
    here = os.listdir(f"/proc/{h.p.pid}/fd")
    null = [n for n in here if os.path.realpath(f"/proc/{h.p.pid}/fd/{n}") == "/dev/null"]
    equal(len(null) <= 2, True)


@test
def descriptor_announced_on_tcp():
    h = host("tcp")
    p = Peer.dial(h.url)
    ch = p.open(RECEIVER, 1, b"x")
    p.put(encode_thing(ch.id, FD) + encode(MSG, ch.id, b""))
    ends_with(p, PROTOCOL)
    h.answers()


# noise


@test
def noise():
    rng = random.Random(4711)
    for i in range(150):
        s = host("unix" if i % 2 else "tcp").raw()
        try:
            s.sendall((GREETING if i % 3 else b"") + rng.randbytes(rng.randrange(1, 400)))
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        rest(s)
    host().answers()


@test
def noise_in_sessions_that_were_right():
    rng = random.Random(815)
    good = [
        encode_open(1, RECEIVER, 4, b"echo"),
        encode_thing(1, SENDER, 3, 1),
        encode(MSG, 1, b"question"),
        encode_open(5, STREAM, 0, b"echo"),
        encode(DATA, 5, b"bytes"),
        encode_thing(1, RECEIVER, 7, 1),
        encode(MSG, 1, encode_msg_head(6) + b"abc", HEAD | MORE),
        encode(MSG, 1, b"def", REST),
        encode(MSG, 7, b"early"),
        encode(PING, 0, b"12345678"),
        encode(ASK, 1),
        encode_close(END, 5),
        encode_close(END, 1, 300, b"why"),
        encode(CREDIT, 3, struct.pack(">IQ", 1, 8)),
        encode_close(STOP, 3),
        encode_away(),
    ]
    for i in range(400):
        wire = list(good)
        for _ in range(rng.randrange(3)):
            k = rng.randrange(len(wire))
            match rng.randrange(4):
                case 0:
                    del wire[k]
                case 1:
                    wire.insert(rng.randrange(len(wire)), wire[k])
                case 2:
                    j = rng.randrange(len(wire))
                    wire[k], wire[j] = wire[j], wire[k]
                case 3:
                    b = bytearray(wire[k])
                    b[rng.randrange(len(b))] ^= 1 << rng.randrange(8)
                    wire[k] = bytes(b)
        s = host("unix" if i % 2 else "tcp").raw()
        try:
            s.sendall(GREETING + b"".join(wire))
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        rest(s)
    host().answers()
    host("tcp").answers()


# the library dials


def dialled(serve, *args):
    """What HOST says about a server that does @serve(socket)."""
    listener = socket.socket(socket.AF_UNIX)
    path = f"{DIR}/d{dialled.n}"
    dialled.n += 1
    listener.bind(path)
    listener.listen(4)
    args = [a.replace("URL", f"unix:{path}") for a in args or ("call", "URL", "s", "text")]
    p = subprocess.Popen([sys.argv[1], *args], stdout=subprocess.PIPE)
    s, _ = listener.accept()
    s.settimeout(PATIENCE)
    try:
        serve(s)
    except (BrokenPipeError, ConnectionResetError):
        pass
    try:
        out = p.communicate(timeout=PATIENCE)[0].decode().split("\n")[:-1]
    except subprocess.TimeoutExpired:
        p.kill()
        p.communicate()
        raise AssertionError("it hangs") from None
    finally:
        s.close()
        listener.close()
        os.unlink(path)
    if p.returncode not in (0, 1):
        raise AssertionError(f"host: ended with {p.returncode}")
    return out


dialled.n = 0


def session(fn):
    """A server that greets well, takes the first open, and then does @fn."""

    def serve(s):
        with Peer(s, ACCEPTED) as p:
            p.pump(lambda: p.opens, PATIENCE)
            fn(p, p.opens.popleft())

    return serve


@test
def dialled_and_answered():
    def serve(p, ch):
        msg = ch.recv()
        equal(ch.name, b"s")
        msg.things[-1].what.send(msg.data + b"!")
        msg.things[-1].what.finish()
        p.pump(lambda: p.away_read and not p.channels, PATIENCE)
        p.away()

    equal(dialled(session(serve)), ["answer text!", "drain 0"])


@test
def dialled_and_closed():
    equal(dialled(lambda s: s.close()), ["dial ECONNRESET"])


@test
def dialled_and_cut_short():
    hello = PREFACE + encode_hello(role=ACCEPTED)
    for n in (1, 7, 8, 11, 20, len(hello) - 1):

        def serve(s):
            s.sendall(hello[:n])
            s.close()

        equal(dialled(serve), ["dial ECONNRESET"])


@test
def dialled_something_else():
    for words in (b"HTTP/1.0 200 OK\r\n\r\n", PREFACE[:7] + b"\x02rest", b"\x00" * 100):

        def serve(s):
            s.sendall(words)
            rest(s)

        equal(dialled(serve), ["dial EPROTO"])


@test
def dialled_a_mirror():
    def serve(s):
        try:
            while data := s.recv(4096):
                s.sendall(data)
        except OSError:
            pass

    equal(dialled(serve), ["dial EPROTO"])


@test
def dialled_and_nothing_said():
    equal(dialled(rest, "call", "URL", "s", "text", "200"), ["dial ETIMEDOUT"])


@test
def dialled_and_no_answer():
    equal(dialled(session(lambda p, ch: p.close()))[0].split()[0], "call")
    equal(dialled(session(lambda p, ch: (ch.recv(), p.close()))), ["call ECONNRESET"])


@test
def dialled_and_the_way_back_closed():
    def serve(p, ch):
        ch.recv().things[-1].what.finish()
        p.pump(lambda: False, PATIENCE)

    def guard(s):
        try:
            session(serve)(s)
        except (Lost, Closed):
            pass

    equal(dialled(guard), ["call EPIPE"])


@test
def dialled_and_refused():
    def serve(p, ch):
        ch.stop(NO_SERVICE, b"no such")
        p.pump(lambda: False, PATIENCE)

    def guard(s):
        try:
            session(serve)(s)
        except (Lost, Closed):
            pass

    equal(dialled(guard), ["call EPIPE"])


@test
def dialled_and_sent_away():
    def serve(p, ch):
        ch.recv()
        p.say_away(LIMIT, b"too much")
        rest(p.sock)

    equal(dialled(session(serve)), ["call ECONNRESET"])


@test
def dialled_and_broken_rules():
    bad = [
        encode(13, 0),
        encode(MSG, 2, b"x"),
        encode(MSG, 1, b"x"),
        encode_open(3, RECEIVER, 1),
        encode(CREDIT, 1, struct.pack(">IQ", 5, 5)),
        encode_hello(role=ACCEPTED),
        encode(MSG, 3, encode_msg_head(3) + b"on", HEAD),
        (70000).to_bytes(3, "big") + bytes([MSG, 0, 0]) + (3).to_bytes(6, "big"),
    ]
    for wire in bad:

        def serve(p, ch):
            ch.recv()
            p.put(wire)
            try:
                p.pump(lambda: False, PATIENCE)
            except Closed as e:
                equal(e.code in (PROTOCOL, LIMIT), True)
                return
            except TimeoutError:
                raise AssertionError(f"no AWAY after {wire[:24].hex()}") from None
            raise AssertionError("no AWAY")

        equal(dialled(session(serve))[0] in ("call EPROTO", "call ECONNRESET"), True)


@test
def dialled_a_stream_and_it_is_lost():
    def serve(p, st):
        st.write(b"some")
        p.put(encode(DATA, st.id, bytes(50))[:30])
        p.close()

    out = dialled(session(serve), "read", "URL")
    equal((out[0][:9], out[-1]), ("read some", "end ECONNRESET"))


def main():
    chosen = [t for t in TESTS if not sys.argv[2:] or any(w in t.__name__ for w in sys.argv[2:])]
    print(f"1..{len(chosen) + 1}", flush=True)
    failed = 0
    for i, fn in enumerate(chosen):
        try:
            fn()
            print(f"ok {i + 1} - {fn.__name__}", flush=True)
        except (AssertionError, Broken, Closed, Lost, OSError, TimeoutError, ValueError) as e:
            failed += 1
            line = e.__traceback__.tb_next and e.__traceback__.tb_next.tb_lineno
            print(f"not ok {i + 1} - {fn.__name__}\n# line {line}: {type(e).__name__}: {e}", flush=True)
    for h in HOSTS.values():
        try:
            h.stop()
        except AssertionError as e:
            failed += 1
            print(f"not ok - {e}")
    for name in os.listdir(DIR):
        os.unlink(os.path.join(DIR, name))
    os.rmdir(DIR)
    print(f"{'not ok' if failed else 'ok'} {len(chosen) + 1} - all of them, and the hosts lived")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
