#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a mux peer does with good and with bad sessions, asked by mux_peer.py.

    mux_check.py [-v] [-u URL] VECTORS [PART-OF-A-NAME...]

The peer that is asked is an echo: it answers each message on the message's last
thing, a sender, with the message itself, its other things included; and it echoes
streams. Without -u it is $BEAM_TOOL, which gets a socket that listens already, so
nobody has to wait for anybody. Says TAP. Each check is a session of its own, and
after the last one the peer still has to answer.
"""

import os
import select
import socket
import struct
import subprocess
import sys
import tempfile

from mux_peer import *

CHECKS = []


def check_of(rule):
    def add(fn):
        CHECKS.append((f"{rule} {fn.__name__.replace('_', ' ')}", fn))
        return fn

    return add


def equal(a, b):
    if a != b:
        raise AssertionError(f"{a!r} is not {b!r}")


def question(p, data, things=(), depth=1, kept=None, **how):
    """Send one and return its way back."""
    ch = kept or p.open(RECEIVER, 8, "echo")
    back = p.channel()
    ch.send(data, list(things) + [Thing(SENDER, back, depth)], **how)
    if not kept:
        ch.finish()
    return back


def answer(p, data, **how):
    back = question(p, data, **how)
    msg = back.recv()
    equal(back.recv(), None)
    return msg


def ends_with(p, code):
    """The peer says AWAY with @code and closes."""
    try:
        p.pump(lambda: False, 10)
    except Closed as e:
        equal((e.code, e.text), (code, e.text))
        if not e.text:
            raise AssertionError("AWAY says no reason")
    except Lost:
        raise AssertionError("closed without AWAY") from None
    p.sock.settimeout(10)
    while True:
        try:
            if not p.sock.recv(4096):
                return
        except ConnectionResetError:
            return


def untaken(p, kind, depth=0):
    """A channel in a message that is not there yet: nobody can have taken from it."""
    ch = p.channel()
    p.thing(p.open(RECEIVER, 1), Thing(kind, ch, depth))
    return ch


def bad(rule, code=PROTOCOL):
    """The function's frames break a rule; the session ends with @code. They leave in
    one write, but a peer may answer in the middle of it."""

    def add(fn):
        def run(p):
            whole, put = [], p.put
            p.put = lambda data, fds=(): whole.append(data)
            fn(p)
            p.put = put
            p.put(b"".join(whole))
            ends_with(p, code)

        run.__name__ = fn.__name__
        return check_of(rule)(run)

    return add


# what has to work


@check_of("M4")
def greeting_and_orderly_end(p):
    p.away()


@check_of("M25")
def a_message_is_echoed(p):
    equal(answer(p, b"hello").data, b"hello")
    p.away()


@check_of("M25")
def an_empty_message(p):
    equal(answer(p, b"").data, b"")


@check_of("M28")
def a_label_comes_back(p):
    equal(answer(p, b"{}", label=b"json").label, b"json")


@check_of("M25")
def parts_of_one_byte(p):
    data = b"in many parts"
    equal(answer(p, data, parts=[bytes([c]) for c in data]).data, data)


@check_of("M27")
def empty_parts(p):
    equal(answer(p, b"ab", parts=[b"", b"a", b"", b"b", b""]).data, b"ab")


@check_of("M10")
def long_messages_are_cut_for_a_small_frame(p):
    data = bytes(range(256)) * 400
    equal(answer(p, data).data, data)


long_messages_are_cut_for_a_small_frame.hello = {"max_frame": 1024}


@check_of("M43")
def parts_of_two_channels_between_each_other(p):
    a, b = p.open(RECEIVER, 1), p.open(RECEIVER, 1)
    backs = []
    for ch in (a, b):
        back = p.channel()
        p.thing(ch, Thing(SENDER, back, 1))
        backs.append(back)
        p.frame(MSG, ch.id, encode_msg_head(6) + b"one", HEAD | MORE)
        ch.out_messages, ch.out_bytes = 1, 6
    for ch in (b, a):
        p.frame(MSG, ch.id, b"two", REST)
    equal([back.recv().data for back in backs], [b"onetwo"] * 2)


@check_of("M1")
def byte_by_byte(p):
    whole, put = [], p.put
    p.put = lambda data, fds=(): whole.append(data)
    back = question(p, b"slowly", label=b"raw", left=10**7)
    p.put = put
    for byte in b"".join(whole):
        p.sock.sendall(bytes([byte]))
    equal(back.recv().data, b"slowly")


@check_of("M36")
def a_stream_through_a_small_window(p):
    st, data, got = p.open(STREAM), os.urandom(5000), b""
    for i in range(0, len(data), 50):
        st.write(data[i : i + 50])
        while len(got) < i:
            got += st.read()
    st.finish()
    while True:
        piece = st.read()
        if not piece:
            break
        got += piece
    equal(got, data)
    p.away()


a_stream_through_a_small_window.hello = {"window": 16}


@check_of("M35")
def a_message_larger_than_the_window(p):
    data = bytes(100000)
    equal(answer(p, data).data, data)


a_message_larger_than_the_window.hello = {"window": 1}


@check_of("M37")
def no_answer_on_depth_0_before_it_is_wanted(p):
    back = question(p, b"rendezvous", depth=0)
    p.ping()
    p.ping()
    equal(len(back.queue), 0)
    equal(back.recv().data, b"rendezvous")
    equal(back.recv(), None)


@check_of("M39")
def asking_brings_the_credit(p):
    ch = p.open(RECEIVER, 1000)
    for _ in range(10):
        ch.send(b"unanswered")
    ch.drain()
    ch.finish()
    p.away()


@check_of("M38")
def credit_before_the_sender_has_to_stop(p):
    ch = p.open(RECEIVER, 2)
    for i in range(500):
        ch.send(b"x" * i)


@check_of("M40")
def openings_are_given_back(p):
    ch = p.open(RECEIVER, 8)
    for _ in range(p.theirs["max_opens"] * 5 // 4 + 10):
        equal(question(p, b"", kept=ch).recv().data, b"")


openings_are_given_back.hello = {"max_frame": 4096}


@check_of("M34")
def late_frames_are_ignored(p):
    back = question(p, b"first")
    equal(back.recv().data, b"first")
    equal(back.recv(), None)
    for id in (back.id, back.id - 2):
        p.frame(CREDIT, id, struct.pack(">IQ", 1, 5))
        p.frame(STOP, id)
        p.frame(ASK, id)
        p.frame(MSG, id, b"x")
        p.frame(DATA, id, b"x")
        p.frame(END, id)
    thing = p.channel()
    p.thing(back, Thing(SENDER, thing, 1))
    p.pump(lambda: thing.end is not None, 10)
    equal(thing.end[0], GONE)
    equal(answer(p, b"second").data, b"second")


@check_of("M34")
def ids_may_skip(p):
    p.last_ours += 1000
    equal(answer(p, b"far").data, b"far")
    p.last_ours = 2**47 + 1
    equal(answer(p, b"further").data, b"further")


@check_of("M45")
def a_stop_is_answered_by_an_end(p):
    back = question(p, b"nobody takes it", depth=0)
    p.ping()
    back.stop(CANCELED, b"too late")
    p.pump(lambda: back.end is not None, 10)
    p.away()


@check_of("M46")
def an_end_takes_back_half_a_message(p):
    ch = p.open(RECEIVER, 1)
    back = p.channel()
    p.thing(ch, Thing(SENDER, back, 1))
    p.frame(MSG, ch.id, encode_msg_head(6) + b"one", HEAD | MORE)
    ch.finish(CANCELED, b"never mind")
    p.pump(lambda: back.end is not None, 10)
    equal(back.end[0], GONE)
    p.away()


@check_of("M48")
def what_nobody_takes_is_closed(p):
    ch = p.open(RECEIVER, 1)
    a, b, c = p.channel(), p.channel(), p.channel()
    # the last is no sender: no way back, so all of it is dropped
    ch.send(b"", [Thing(SENDER, a, 1), Thing(RECEIVER, b, 1), Thing(STREAM, c)])
    p.pump(lambda: a.end and b.stopped and c.end and c.stopped, 10)
    equal([x[0] for x in (a.end, b.stopped, c.end, c.stopped)], [GONE] * 4)
    for x in (a, b, c, ch):
        x.close()
    p.away()


@check_of("M53")
def ends_come_back(p):
    here, there = p.channel(), p.channel()
    # A sender and a receiver of ours go there and come back, as channels of its own.
    back = question(p, b"", things=[Thing(SENDER, here, 1), Thing(RECEIVER, there, 1)])
    tx, rx = (t.what for t in back.recv().things)
    tx.send(b"one way")
    equal(here.recv().data, b"one way")
    there.send(b"and the other", label=b"raw")
    msg = rx.recv()
    equal((msg.data, msg.label), (b"and the other", b"raw"))
    tx.finish(300, b"enough")
    try:
        here.recv()
        raise AssertionError("no code")
    except Closed as e:
        equal((e.code, e.text), (300, b"enough"))
    rx.stop(301, b"no more")
    p.pump(lambda: there.stopped, 10)
    equal(there.stopped, (301, b"no more"))
    for ch in (here, there, tx, rx, back):
        ch.close()
    p.away()


@check_of("M54")
def a_descriptor_goes_there_and_back(p):
    if p.sock.family != socket.AF_UNIX:
        return
    r, w = os.pipe()
    back = question(p, b"", things=[Thing(FD, w)])
    os.close(w)
    (thing,) = back.recv().things
    equal(thing.kind, FD)
    os.write(thing.what, b"still a pipe")
    os.close(thing.what)
    equal(os.read(r, 100), b"still a pipe")
    back.close()
    p.ping()
    # nobody else holds it now
    equal(select.select([r], [], [], 10)[0], [r])
    equal(os.read(r, 100), b"")
    os.close(r)


@check_of("M58")
def a_dropped_descriptor_is_closed(p):
    if p.sock.family != socket.AF_UNIX:
        return
    r, w = os.pipe()
    ch = p.open(RECEIVER, 1)
    ch.send(b"", [Thing(FD, w)])
    os.close(w)
    equal(select.select([r], [], [], 10)[0], [r])
    equal(os.read(r, 100), b"")
    os.close(r)


@check_of("M57")
def a_bridged_descriptor(p):
    st = p.channel()
    back = question(p, b"", things=[Thing(FD_BRIDGE, st, 0, 3)])
    (thing,) = back.recv().things
    if thing.kind == FD:
        other = socket.socket(fileno=thing.what)
        other.sendall(b"from there")
        got = b""
        while len(got) < 10:
            got += st.read()
        equal(got, b"from there")
        st.write(b"from here")
        equal(other.recv(100), b"from here")
        other.close()
    else:
        thing.what.close()
    back.close()


@check_of("M59")
def a_ping(p):
    p.ping(b"\0\1\2\3\4\5\6\7")


@check_of("M17")
def a_hello_with_unknown_fields(p):
    equal(answer(p, b"hi").data, b"hi")


a_hello_with_unknown_fields.hello = {"features": 2**64 - 1}


@check_of("M59")
def sixteen_pings(p):
    for i in range(16):
        p.pings.append(bytes([i]) * 8)
        p.frame(PING, 0, bytes([i]) * 8)
    p.pump(lambda: not p.pings, 10)


@check_of("M59")
def a_pong_nobody_asked_for(p):
    p.frame(PONG, 0, b"12345678")
    p.ping()


@check_of("M37")
def wanting_where_there_is_a_depth(p):
    for back in (untaken(p, SENDER, 3), p.open(STREAM)):
        p.frame(CREDIT, back.id, struct.pack(">IQ", 0, 0), WANT)
    p.ping()


@check_of("M60")
def opening_after_away(p):
    p.open(RECEIVER, 1)  # or it might be over at once
    p.say_away()
    late = p.open(STREAM, name="late")
    p.pump(lambda: late.end and late.stopped, 10)
    equal((late.end[0], late.stopped[0]), (GONE, GONE))


@check_of("M44")
def the_end_is_followed_by_the_last_credit(p):
    ch = p.open(RECEIVER, 1000)
    for _ in range(3):
        ch.send(b"x")
    ch.finish()
    p.pump(lambda: ch.id not in p.channels, 10)
    equal((ch.stopped, ch.out_messages, ch.out_bytes), (None, 0, 0))


@check_of("M60")
def what_is_open_goes_on_after_away(p):
    back = question(p, b"still", depth=0)
    p.ping()
    p.say_away()
    p.pump(lambda: p.away_read, 10)
    equal(back.recv().data, b"still")
    equal(back.recv(), None)
    p.away()


# what ends the session


@bad("M18")
def the_same_role(p):
    pass


the_same_role.hello = {"raw_role": ACCEPTED}


@bad("M34")
def an_even_id(p):
    p.put(encode_open(2, RECEIVER, 1))


@bad("M34")
def an_id_again(p):
    p.put(encode_open(1, RECEIVER, 1) * 2)


@bad("M34")
def a_lower_id(p):
    p.put(encode_open(3, RECEIVER, 1) + encode_open(1, RECEIVER, 1))


@bad("M34")
def an_even_id_in_a_thing(p):
    p.open(RECEIVER, 1)
    p.put(encode_thing(1, SENDER, 2, 1))


@bad("M34")
def a_thing_that_is_its_own_parent(p):
    p.open(RECEIVER, 1)
    p.put(encode_thing(1, SENDER, 1, 1))


@bad("M34")
def a_message_on_nothing(p):
    p.frame(MSG, 1, b"x")


@bad("M34")
def credit_on_nothing(p):
    p.frame(CREDIT, 5, struct.pack(">IQ", 1, 1))


@bad("M34")
def a_frame_on_an_id_of_theirs_that_is_not_open(p):
    p.frame(STOP, 2)


def ended(p, kind, frame):
    """An end that is not retired, since what came before it was not taken."""
    ch = untaken(p, kind, 4 if kind == RECEIVER else 0)
    p.put(frame(ch.id) + encode_close(END, ch.id))
    return ch.id


@bad("M44")
def a_message_after_the_end(p):
    p.frame(MSG, ended(p, RECEIVER, lambda id: encode(MSG, id, b"x")), b"x")


@bad("M44")
def a_thing_after_the_end(p):
    id = ended(p, RECEIVER, lambda id: encode(MSG, id, b"x"))
    p.put(encode_thing(id, SENDER, p.new_id(), 1))


@bad("M44")
def data_after_the_end(p):
    p.frame(DATA, ended(p, STREAM, lambda id: encode(DATA, id, b"x")), b"x")


@bad("M44")
def end_twice(p):
    p.frame(END, ended(p, RECEIVER, lambda id: encode(MSG, id, b"x")))


@bad("M45")
def stop_twice(p):
    # The second one lies behind a channel that is still open the other way.
    p.open(STREAM)
    p.put(encode_close(STOP, 1) * 2)


@bad("M34")
def data_on_a_channel(p):
    p.open(RECEIVER, 1)
    p.put(encode(DATA, 1, b"x"))


@bad("M34")
def a_message_on_a_stream(p):
    p.open(STREAM)
    p.put(encode(MSG, 1, b"x"))


@bad("M34")
def a_thing_on_a_stream(p):
    p.open(STREAM)
    p.put(encode_thing(1, SENDER, 3, 1))


@bad("M34")
def a_message_from_the_receiving_side(p):
    question(p, b"", depth=0)
    p.frame(MSG, p.last_ours, b"x")


@bad("M34")
def a_credit_from_the_sending_side(p):
    ch = p.open(RECEIVER, 4)
    p.frame(CREDIT, ch.id, struct.pack(">IQ", 0, 0))


@bad("M34")
def a_stop_from_the_sending_side(p):
    ch = p.open(RECEIVER, 4)
    p.frame(STOP, ch.id)


@bad("M34")
def an_end_from_the_receiving_side(p):
    question(p, b"", depth=0)
    p.frame(END, p.last_ours)


@bad("M34")
def asking_from_the_receiving_side(p):
    question(p, b"", depth=0)
    p.frame(ASK, p.last_ours)


@bad("M33")
def messages_of_a_stream_taken(p):
    p.open(STREAM)
    p.put(encode(CREDIT, 1, struct.pack(">IQ", 1, 0)))


@bad("M41")
def credit_for_what_was_not_sent(p):
    question(p, b"", depth=0)
    p.frame(CREDIT, p.last_ours, struct.pack(">IQ", 1, 0))


@bad("M41")
def credit_for_bytes_that_were_not_sent(p):
    p.open(STREAM)
    p.put(encode(CREDIT, 1, struct.pack(">IQ", 0, 1)))


@bad("M41")
def a_message_nobody_waits_for(p):
    p.open(RECEIVER, 0)
    p.put(encode(MSG, 1, b"x"))


@bad("M41")
def more_messages_than_the_depth(p):
    p.put(encode(MSG, untaken(p, RECEIVER, 4).id, b"x") * 5)


@bad("M41")
def more_bytes_than_the_window(p):
    n = p.theirs["window"] // 1000 + 1
    p.put(encode(DATA, untaken(p, STREAM).id, bytes(1000)) * n)


@bad("M41")
def a_message_past_the_window(p):
    id = untaken(p, RECEIVER, 4).id
    size, n = p.theirs["max_frame"], p.theirs["window"] // p.theirs["max_frame"] + 1
    p.frame(MSG, id, encode_msg_head(size * n), HEAD | MORE)
    for i in range(n):
        p.frame(MSG, id, bytes(size), REST | (MORE if i + 1 < n else 0))
    p.frame(MSG, id, b"one too many")


@bad("M40")
def more_openings_given_back_than_taken(p):
    p.put(encode(CREDIT, 0, struct.pack(">IQ", 1, 0)))


@bad("M40")
def more_openings_than_allowed(p):
    n = p.theirs["max_opens"]
    p.put(b"".join(encode_open(1 + 2 * i, RECEIVER, 1) for i in range(n + 1)))


@bad("M27")
def parts_longer_than_their_total(p):
    p.open(RECEIVER, 1)
    p.frame(MSG, 1, encode_msg_head(3) + b"ab", HEAD | MORE)
    p.frame(MSG, 1, b"cd", REST)


@bad("M27")
def parts_longer_than_their_total_and_more(p):
    p.open(RECEIVER, 1)
    p.frame(MSG, 1, encode_msg_head(3) + b"ab", HEAD | MORE)
    p.frame(MSG, 1, b"cd", REST | MORE)


@bad("M27")
def parts_shorter_than_their_total(p):
    p.open(RECEIVER, 1)
    p.frame(MSG, 1, encode_msg_head(3) + b"a", HEAD | MORE)
    p.frame(MSG, 1, b"b", REST)


@bad("M43")
def a_rest_of_nothing(p):
    p.open(RECEIVER, 1)
    p.put(encode(MSG, 1, b"x", REST))


@bad("M43")
def a_message_within_a_message(p):
    p.open(RECEIVER, 4)
    p.frame(MSG, 1, encode_msg_head(3) + b"a", HEAD | MORE)
    p.frame(MSG, 1, b"b")


@bad("M43")
def a_thing_between_the_parts(p):
    p.open(RECEIVER, 4)
    p.frame(MSG, 1, encode_msg_head(3) + b"a", HEAD | MORE)
    p.put(encode_thing(1, SENDER, 3, 1))


@bad("M43")
def a_plain_end_between_the_parts(p):
    p.open(RECEIVER, 4)
    p.frame(MSG, 1, encode_msg_head(3) + b"a", HEAD | MORE)
    p.frame(END, 1)


@bad("M43")
def a_plain_end_after_a_thing(p):
    p.open(RECEIVER, 4)
    p.put(encode_thing(1, SENDER, 3, 1) + encode(END, 1))


@bad("M54")
def a_descriptor_that_did_not_come(p):
    p.open(RECEIVER, 4)
    p.put(encode_thing(1, FD))


@bad("M68", LIMIT)
def too_long_a_message(p):
    p.open(RECEIVER, 1)
    p.frame(MSG, 1, encode_msg_head(p.theirs["max_msg"] + 1) + b"x", HEAD | MORE)


@bad("M68", LIMIT)
def too_many_things(p):
    ch = p.open(RECEIVER, 1)
    for _ in range(p.theirs["max_things"] + 1):
        p.thing(ch, Thing(SENDER, p.channel(), 1))
    p.frame(MSG, ch.id)


@check_of("M62")
def it_closes_when_told_to(p):
    ch = p.open(STREAM)
    p.put(encode_away(INTERNAL, 0, b"on fire"))
    try:
        p.pump(lambda: p.eof, 10)
    except Closed:
        raise AssertionError("it answered") from None


@check_of("M7")
def another_protocol_is_closed_at_its_first_byte(p):
    p.sock.sendall(b"G")
    p.sock.settimeout(10)
    data = b""
    while True:
        try:
            piece = p.sock.recv(4096)
        except ConnectionResetError:
            break
        if not piece:
            break
        data += piece
    if data and not data.startswith(PREFACE):
        raise AssertionError(f"it said {data!r}")
    list(Decoder().feed(data))


another_protocol_is_closed_at_its_first_byte.raw = True


def add_vectors(folder):
    """Each bad frame of the vectors, said to a live session."""
    for name in sorted(os.listdir(folder)):
        for v in read_vectors(os.path.join(folder, name)):
            end = v["want"][-1]
            if not end.startswith("error") or v["start"] != "frames" or v["max-frame"] != "65536":
                continue
            if len(v["want"]) > 1:
                continue

            def run(p, v=v, code=LIMIT if end == "error limit" else PROTOCOL):
                p.put(v["bytes"])
                ends_with(p, code)

            CHECKS.append((f"vector {name[:-4]}: {v['name']}", run))


# running them


class Server:
    def __init__(self, url):
        self.url, self.child, self.dir = url, None, None
        if url:
            return
        self.dir = tempfile.TemporaryDirectory()
        self.url = f"unix:{self.dir.name}/echo"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.url[5:])
            listener.listen(64)
            fd = listener.fileno()
            self.child = subprocess.Popen(
                [os.environ["BEAM_TOOL"], "serve", f"fd:{fd}", "--echo"],
                pass_fds=[fd],
                stdin=subprocess.DEVNULL,
            )

    def stop(self):
        status = 0
        if self.child:
            self.child.terminate()
            try:
                status = self.child.wait(20)
            except subprocess.TimeoutExpired:
                self.child.kill()
                status = self.child.wait()
            self.dir.cleanup()
        return status


class Raw:
    """A connection on which nothing has been said."""

    def __init__(self, url):
        self.sock = socket.socket(socket.AF_UNIX if url.startswith("unix:") else socket.AF_INET)
        rest = url.partition(":")[2]
        if url.startswith("unix:"):
            self.sock.connect(rest.replace("@", "\0", 1) if rest.startswith("@") else rest)
        else:
            host, _, port = rest.strip("/").rpartition(":")
            self.sock.connect((host, int(port)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()


def run_one(server, fn):
    hello = dict(getattr(fn, "hello", {}))
    if getattr(fn, "raw", False):
        with Raw(server.url) as p:
            fn(p)
        return
    if "raw_role" in hello:
        with Raw(server.url) as raw:
            p = Peer.__new__(Peer)
            p.sock, p.eof, p.frames, p.log = raw.sock, False, collections.deque(), []
            p.fds, p.decoder, p.role = collections.deque(), Decoder(), DIALLED
            p.away_said = p.away_read = True
            p.put(PREFACE + encode_hello(role=hello["raw_role"]))
            fn(p)
        return
    with Peer.dial(server.url, **hello) as p:
        fn(p)


def main(argv):
    verbose = "-v" in argv
    url = argv[argv.index("-u") + 1] if "-u" in argv else None
    words = [a for a in argv[1:] if a not in ("-v", "-u", url)]
    if not words:
        print(__doc__, file=sys.stderr)
        return 2
    if not url and not os.environ.get("BEAM_TOOL"):
        print("1..0 # SKIP no $BEAM_TOOL")
        return 0
    add_vectors(words[0])
    CHECKS.append(("and after all that it answers", lambda p: equal(answer(p, b"hi").data, b"hi")))

    server, failed = Server(url), 0
    chosen = [c for c in CHECKS if not words[1:] or any(w in c[0] for w in words[1:])]
    print(f"1..{len(chosen) + 1}", flush=True)
    for i, (name, fn) in enumerate(chosen):
        try:
            run_one(server, fn)
            print(f"ok {i + 1} - {name}", flush=True)
        except (AssertionError, Broken, Closed, Lost, OSError, TimeoutError, ValueError) as e:
            failed += 1
            print(f"not ok {i + 1} - {name}\n# {type(e).__name__}: {e}", flush=True)
            if verbose:
                import traceback

                traceback.print_exc()
    status = server.stop()
    print(f"{'ok' if status == 0 else 'not ok'} {len(chosen) + 1} - the peer ends well")
    return 1 if failed or status else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
