#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A second peer of the mux wire, written from spec/mux.md alone.

It shares no code with the library, so that a misreading of the page shows as two
peers that do not understand each other. Blocking, one thread, standard library
only; meant to be read and to be driven by tests, not to be fast.

    with Peer.dial("unix:/run/echo") as p:
        question = p.open(RECEIVER, depth=1, name="echo")
        back = p.channel()                       # an id of ours, not yet announced
        question.send(b"hello", things=[Thing(SENDER, back, depth=1)])
        print(back.recv().data)
        question.end()
        p.away()

Frames that a right-minded peer does not send go out with Peer.frame(). What comes
in that breaks a rule raises Broken, after AWAY has been said as M65 asks for.

    mux_peer.py call URL SERVICE DATA     a question and its answer
    mux_peer.py serve URL [N]             answers N sessions (for ever) with an echo
    mux_peer.py vectors DIR               decodes every vector, at every cut
"""

import collections
import errno
import os
import socket
import struct
import sys
import threading
import time

PREFACE = b"\xbeAM\r\n\x1a\n\x01"
HELLO, OPEN, THING, MSG, DATA, CREDIT, END, STOP, ASK, PING, PONG, AWAY = range(1, 13)
TYPES = "? hello open thing msg data credit end stop ask ping pong away".split()
SENDER, RECEIVER, STREAM, FD, FD_BRIDGE = range(1, 6)
KINDS = "? sender receiver stream fd fd-bridge".split()
MORE, HEAD, REST = 1, 2, 4
WANT = 1
DIALLED, ACCEPTED = 1, 2
NONE, CANCELED, REFUSED, NO_SERVICE, LIMIT, PROTOCOL, INTERNAL, TIMEOUT, GONE, LOST = range(10)
NO_DEADLINE = 2**64 - 1

# M17: key, name, bytes, if absent
FIELDS = [
    (1, "role", 1, None),
    (2, "fds", 1, 0),
    (3, "id", 16, 0),
    (4, "max_frame", 4, 65536),
    (5, "max_msg", 8, 16 << 20),
    (6, "max_things", 4, 1024),
    (7, "max_opens", 4, 16384),
    (8, "window", 4, 1 << 20),
    (9, "features", 8, 0),
]


class Broken(Exception):
    """The other side broke a rule. code is what AWAY says about it."""

    def __init__(self, why, code=PROTOCOL):
        super().__init__(why)
        self.code = code


class Closed(Exception):
    """END or STOP with a code, or AWAY with one."""

    def __init__(self, code, text):
        super().__init__(f"closed with {code}: {text}")
        self.code, self.text = code, text


class Lost(Exception):
    """The pipe ended and not both sides had said AWAY 0 (M63)."""


def check(ok, why):
    if not ok:
        raise Broken(why)


# frames

Frame = collections.namedtuple("Frame", "type flags fds channel payload meaning")


def encode(type, channel=0, payload=b"", flags=0, fds=0):
    head = len(payload).to_bytes(3, "big") + bytes([type, flags, fds])
    return head + channel.to_bytes(6, "big") + payload


def encode_hello(**values):
    out = b""
    for key, name, size, _ in FIELDS:
        if name in values:
            out += struct.pack(">HH", key, size) + values[name].to_bytes(size, "big")
    return encode(HELLO, 0, out)


def encode_open(channel, kind, depth=0, name=b""):
    return encode(OPEN, channel, struct.pack(">BI", kind, depth) + name)


def encode_thing(parent, kind, new=0, depth=0, ways=0):
    payload = struct.pack(">BBI", kind, ways, depth) + new.to_bytes(6, "big")
    return encode(THING, parent, payload, fds=1 if kind == FD else 0)


def encode_msg_head(total, left=NO_DEADLINE, label=b""):
    return struct.pack(">QQB", total, left, len(label)) + label


def encode_close(type, channel, code=0, text=b""):
    return encode(type, channel, struct.pack(">I", code) + text if code else b"")


def encode_away(code=0, last=0, text=b""):
    return encode(AWAY, 0, struct.pack(">I", code) + last.to_bytes(6, "big") + text)


def check_text(text):
    check(b"\0" not in text, "M3: a zero byte in a text")
    return text


def check_head(length, type, flags, fds, channel, max_frame, hello):
    """What the head alone can tell (M10 to M14)."""
    check(1 <= type <= 12, f"M11: type {type}")
    check((type == HELLO) == hello, "M6: HELLO comes first, once")
    if length > (1024 if type == HELLO else max_frame):
        raise Broken("M10: frame too long", LIMIT)
    least, most = {
        HELLO: (0, 1024),
        OPEN: (5, 260),
        THING: (12, 12),
        MSG: (17 if flags & HEAD else 0, max_frame),
        DATA: (0, max_frame),
        CREDIT: (12, 12),
        END: (4 if length else 0, 259),
        STOP: (4 if length else 0, 259),
        ASK: (0, 0),
        PING: (8, 8),
        PONG: (8, 8),
        AWAY: (10, 265),
    }[type]
    check(least <= length <= most, f"M15: {TYPES[type]} of {length} bytes")
    allowed = {MSG: MORE | HEAD | REST, CREDIT: WANT if channel else 0}.get(type, 0)
    check(flags & ~allowed == 0, f"M12: flags {flags}")
    if type in (HELLO, PING, PONG, AWAY):
        check(channel == 0, "M11: belongs to the session")
    elif type != CREDIT:
        check(channel != 0, "M11: belongs to a channel")
    check(fds <= (1 if type == THING else 0), "M13: descriptors")
    if type == MSG:
        check(not (flags & HEAD and flags & REST), "M25: HEAD and REST")
        check(not flags & MORE or flags & (HEAD | REST), "M25: MORE alone")


def meaning_of(type, flags, fds, channel, p):
    """The fields of a payload, as a dict in the order of the page."""
    if type == HELLO:
        m = {name: absent for _, name, _, absent in FIELDS}
        keys, seen = {key: (name, size) for key, name, size, _ in FIELDS}, set()
        while p:
            check(len(p) >= 4, "M17: half a field")
            key, size = struct.unpack(">HH", p[:4])
            value, p = p[4 : 4 + size], p[4 + size :]
            check(len(value) == size and key != 0, "M17: bad field")
            if key in keys:
                check(size == keys[key][1] and key not in seen, f"M17: key {key}")
                seen.add(key)
                m[keys[key][0]] = int.from_bytes(value, "big")
        check(m["role"] in (DIALLED, ACCEPTED), "M17: role")
        check(1024 <= m["max_frame"] < 2**24, "M17: max_frame")
        check(m["window"] >= 1, "M17: window")
        return m
    if type == OPEN:
        kind, depth = struct.unpack(">BI", p[:5])
        check(kind in (SENDER, RECEIVER, STREAM), f"M21: kind {kind}")
        check(depth <= (0 if kind == STREAM else 1 << 20), "M23: depth")
        return {"kind": kind, "depth": depth, "name": check_text(p[5:])}
    if type == THING:
        kind, ways, depth = struct.unpack(">BBI", p[:6])
        new = int.from_bytes(p[6:], "big")
        check(SENDER <= kind <= FD_BRIDGE, f"M21: kind {kind}")
        check(depth <= (1 << 20 if kind in (SENDER, RECEIVER) else 0), "M23: depth")
        check(1 <= ways <= 3 if kind == FD_BRIDGE else ways == 0, "M24: ways")
        check((new == 0, fds) == ((True, 1) if kind == FD else (False, 0)), "M22: id or fds")
        return {"kind": kind, "ways": ways, "depth": depth, "new": new}
    if type == MSG and flags & HEAD:
        total, left, n = struct.unpack(">QQB", p[:17])
        check(n <= 63 and 17 + n <= len(p), "M26: label")
        n_part = len(p) - 17 - n
        check(n_part <= total if flags & MORE else n_part == total, "M27: total")
        return {
            "total": total,
            "left": left,
            "label": check_text(p[17 : 17 + n]),
            "payload": p[17 + n :],
        }
    if type in (MSG, DATA):
        return {"payload": p}
    if type == CREDIT:
        messages, n = struct.unpack(">IQ", p)
        check(channel or n == 0, "M33: bytes for the session")
        return {"messages": messages, "bytes": n}
    if type in (END, STOP):
        code = struct.unpack(">I", p[:4])[0] if p else 0
        check(code or not p, "M30: code 0")
        return {"code": code, "text": check_text(p[4:])}
    if type in (PING, PONG):
        return {"data": p}
    if type == AWAY:
        last = int.from_bytes(p[4:10], "big")
        return {
            "code": struct.unpack(">I", p[:4])[0],
            "last": last,
            "text": check_text(p[10:]),
        }
    return {}


class Decoder:
    """Bytes in, frames out."""

    def __init__(self, max_frame=65536, start="preface"):
        self.max_frame, self.state, self.kept = max_frame, start, b""

    def feed(self, data):
        self.kept += data
        while True:
            if self.state == "preface":
                have = self.kept[: len(PREFACE)]
                check(PREFACE.startswith(have), "M7: not the preface")
                if len(have) < len(PREFACE):
                    return
                self.kept, self.state = self.kept[len(PREFACE) :], "hello"
            if len(self.kept) < 12:
                return
            length = int.from_bytes(self.kept[:3], "big")
            type, flags, fds = self.kept[3:6]
            channel = int.from_bytes(self.kept[6:12], "big")
            hello = self.state == "hello"
            check_head(length, type, flags, fds, channel, self.max_frame, hello)
            if len(self.kept) < 12 + length:
                return
            p, self.kept = self.kept[12 : 12 + length], self.kept[12 + length :]
            meaning = meaning_of(type, flags, fds, channel, p)
            self.state = "frames"
            yield Frame(type, flags, fds, channel, p, meaning)


# sessions

Thing = collections.namedtuple("Thing", "kind what depth ways", defaults=(0, 3))
Message = collections.namedtuple("Message", "data things label left")


class Channel:
    """One end, or both of a stream. Ours to send on, to receive from, or either."""

    def __init__(self, peer, id):
        self.peer, self.id = peer, id
        self.kind, self.depth, self.name = None, 0, b""
        self.sends = self.receives = False
        # sending: outstanding, by the CREDITs that came
        self.out_messages = self.out_bytes = 0
        self.want = False
        self.end_sent, self.stopped = False, None
        # receiving: what came and was not taken, and what was not told
        self.queue = collections.deque()
        self.got_messages = self.got_bytes = 0  # received less told
        self.untold_messages = self.untold_bytes = 0
        self.want_sent, self.asked = False, False
        self.end, self.stop_sent = None, False
        self.things, self.parts, self.head = [], None, None

    def set(self, kind, depth):
        """@kind is what this side has."""
        self.kind, self.depth = kind, depth
        self.sends = kind in (SENDER, STREAM, FD_BRIDGE)
        self.receives = kind in (RECEIVER, STREAM, FD_BRIDGE)
        return self

    @property
    def is_stream(self):
        return self.kind in (STREAM, FD_BRIDGE)

    def retire(self):
        """M44"""
        told = not self.out_messages and not self.out_bytes
        sent = not self.sends or (self.end_sent and (told or self.stopped))
        got = not self.receives or (self.end is not None and (self.stop_sent or not self.queue))
        if sent and got and self.peer.channels.pop(self.id, None) and not self.peer.is_ours(self.id):
            self.peer.granted += 1
            self.peer.frame(CREDIT, 0, struct.pack(">IQ", 1, 0))  # M40

    # sending

    def may_send(self):
        if self.stopped:
            return True
        window = self.peer.theirs["window"]
        if self.is_stream:
            return self.out_bytes < window
        if self.depth == 0:
            return self.want and self.out_bytes < window
        return self.out_messages < self.depth and self.out_bytes < window

    def send(self, data=b"", things=(), label=b"", left=None, parts=None, timeout=10):
        """One message. @parts: cut it so; by default as max_frame asks for."""
        self.peer.pump(self.may_send, timeout)
        if self.stopped:
            raise Closed(*self.stopped)
        p, step = self.peer, self.peer.theirs["max_frame"] - 80
        for thing in things:
            p.thing(self, thing)
        if parts is None:
            parts = [data[i : i + step] for i in range(0, len(data), step)] or [b""]
        head = encode_msg_head(len(data), NO_DEADLINE if left is None else left, label)
        self.want = False
        self.out_messages += 1
        self.out_bytes += len(data)
        if len(parts) == 1 and not label and left is None:
            p.frame(MSG, self.id, parts[0])
            return
        for i, part in enumerate(parts):
            flags = (REST if i else HEAD) | (MORE if i + 1 < len(parts) else 0)
            p.frame(MSG, self.id, (b"" if i else head) + part, flags)

    def write(self, data, timeout=10):
        while data:
            self.peer.pump(self.may_send, timeout)
            if self.stopped:
                raise Closed(*self.stopped)
            room = self.peer.theirs["window"] - self.out_bytes
            n = min(len(data), self.peer.theirs["max_frame"], room)
            self.peer.frame(DATA, self.id, data[:n])
            self.out_bytes += n
            data = data[n:]

    def ask(self):
        self.peer.frame(ASK, self.id)

    def drain(self, timeout=10):
        """Until all was taken."""
        self.ask()
        self.peer.pump(lambda: self.stopped or self.out_messages + self.out_bytes == 0, timeout)
        if self.stopped:
            raise Closed(*self.stopped)

    def finish(self, code=0, text=b""):
        """END, unless said."""
        if self.sends and not self.end_sent:
            self.end_sent = True
            self.peer.put(encode_close(END, self.id, code, text))
            self.retire()

    # receiving

    def ready(self):
        return self.queue or self.end is not None

    def recv(self, timeout=10):
        """The next message, or None at the end."""
        if not self.ready() and self.depth == 0 and not self.is_stream:
            if not self.want_sent and self.parts is None:
                self.want_sent = True
                self.peer.frame(CREDIT, self.id, struct.pack(">IQ", 0, 0), WANT)
        self.peer.pump(self.ready, timeout)
        if not self.queue:
            if self.end[0]:
                raise Closed(*self.end)
            return None
        msg = self.queue.popleft()
        self.took(1, len(msg.data))
        return msg

    def read(self, timeout=10):
        """Some bytes of a stream, b"" at its end."""
        self.peer.pump(self.ready, timeout)
        if not self.queue:
            if self.end[0]:
                raise Closed(*self.end)
            return b""
        data = self.queue.popleft()
        self.took(0, len(data))
        return data

    def took(self, messages, n):
        """M38: by half the depth or half the window, or at each when asked."""
        self.untold_messages += messages
        self.untold_bytes += n
        if not self.stop_sent and (
            self.asked
            or self.end is not None
            and not self.queue
            or (not self.is_stream and self.untold_messages * 2 >= self.depth)
            or self.untold_bytes * 2 >= self.peer.ours["window"]
        ):
            self.tell()
        self.retire()

    def tell(self):
        if self.untold_messages or self.untold_bytes:
            payload = struct.pack(">IQ", self.untold_messages, self.untold_bytes)
            self.peer.frame(CREDIT, self.id, payload)
            self.got_messages -= self.untold_messages
            self.got_bytes -= self.untold_bytes
            self.untold_messages = self.untold_bytes = 0
        if not self.queue:
            self.asked = False

    def stop(self, code=0, text=b""):
        """STOP, unless said or of no more use; what lies here is dropped."""
        if not self.receives or self.stop_sent:
            return
        if self.end is None or self.queue:
            self.stop_sent = True
            self.peer.put(encode_close(STOP, self.id, code, text))
        while self.queue:
            self.peer.drop(self.queue.popleft())
        self.drop_partial()
        self.retire()

    def drop_partial(self):
        for thing in self.things:
            self.peer.drop_thing(thing)
        self.things, self.parts, self.head = [], None, None

    def close(self, code=0, text=b""):
        self.finish(code, text)
        self.stop(code, text)


class Peer:
    def __init__(self, sock, role, **hello):
        hello.setdefault("fds", 3 if sock.family == socket.AF_UNIX else 2)
        if role == DIALLED:
            hello.setdefault("id", int.from_bytes(os.urandom(16), "big"))
        self.sock, self.role = sock, role
        self.ours = {name: absent for _, name, _, absent in FIELDS}
        self.ours.update(hello, role=role)
        self.theirs = None
        self.decoder = Decoder(self.ours["max_frame"])
        self.fds, self.frames = collections.deque(), collections.deque()
        self.channels, self.opens = {}, collections.deque()
        self.touched = {}  # channels that something came on
        self.last_ours, self.last_theirs = role - 2, 0 if role == DIALLED else -1
        self.room = 0  # openings left to us
        self.granted = self.ours["max_opens"]  # and to them
        self.pings = collections.deque()
        self.away_said = self.away_read = self.eof = False
        self.log = []  # every frame that came
        self.put(PREFACE + encode_hello(role=role, **hello))
        self.pump(lambda: self.theirs, 10)

    @classmethod
    def dial(cls, url, **hello):
        scheme, _, rest = url.partition(":")
        if scheme == "unix":
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(rest.replace("@", "\0", 1) if rest.startswith("@") else rest)
        else:
            host, _, port = rest.strip("/").rpartition(":")
            sock = socket.create_connection((host.strip("[]"), int(port)))
        return cls(sock, DIALLED, **hello)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()
        while self.fds:
            os.close(self.fds.popleft())

    def is_ours(self, id):
        return id % 2 == self.role % 2

    # out

    def put(self, data, fds=()):
        """Bytes as they are. A peer that has gone is noticed when reading."""
        try:
            if fds:
                n = socket.send_fds(self.sock, [data], list(fds))
                data = data[n:]
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def frame(self, type, channel=0, payload=b"", flags=0, fds=()):
        """Any frame at all, right or wrong."""
        self.put(encode(type, channel, payload, flags, len(fds)), fds)

    def new_id(self):
        self.last_ours += 2
        return self.last_ours

    def channel(self):
        """A channel to be announced by a thing; its id is given then (M34)."""
        return Channel(self, None)

    def announce(self, ch, kind, depth):
        """@kind is what the reader gets."""
        if self.room < 1:
            self.pump(lambda: self.room > 0, 10)
        self.room -= 1
        ch.id = self.new_id()
        ch.set({SENDER: RECEIVER, RECEIVER: SENDER}.get(kind, kind), depth)
        self.channels[ch.id] = ch

    def open(self, kind, depth=1, name=b"", channel=None):
        ch = channel or Channel(self, None)
        depth = 0 if kind == STREAM else depth
        self.announce(ch, kind, depth)
        name = name.encode() if isinstance(name, str) else name
        self.put(encode_open(ch.id, kind, depth, name))
        return ch

    def thing(self, parent, thing):
        if thing.kind == FD:
            self.put(encode_thing(parent.id, FD), [thing.what])
            return
        depth = thing.depth if thing.kind in (SENDER, RECEIVER) else 0
        ways = thing.ways if thing.kind == FD_BRIDGE else 0
        self.announce(thing.what, thing.kind, depth)
        self.put(encode_thing(parent.id, thing.kind, thing.what.id, depth, ways))

    def ping(self, data=b"pingpong", timeout=10):
        begin = time.monotonic()
        self.pings.append(data)
        self.frame(PING, 0, data)
        self.pump(lambda: not self.pings, timeout)
        return time.monotonic() - begin

    def away(self, timeout=10):
        """M60, M61: go in order; returns when the other side has, too."""
        self.say_away()
        self.pump(lambda: self.away_read and not self.channels, timeout)
        self.sock.shutdown(socket.SHUT_WR)
        self.pump(lambda: self.eof, timeout)

    def say_away(self, code=0, text=b""):
        if code or not self.away_said:
            self.away_said = True
            self.put(encode_away(code, max(self.last_theirs, 0), text))

    # in

    def pump(self, done, timeout):
        """Handle frames until done() says so."""
        deadline = time.monotonic() + timeout
        while not done():
            if self.frames:
                try:
                    self.handle(self.frames.popleft())
                except Broken as e:
                    self.say_away(e.code, str(e).encode())
                    raise
                continue
            if self.eof:
                raise Lost()
            self.sock.settimeout(max(deadline - time.monotonic(), 0.000001))
            try:
                if self.sock.family == socket.AF_UNIX:
                    data, fds, flags, _ = socket.recv_fds(self.sock, 65536, 253)
                    self.fds.extend(fds)
                else:
                    data = self.sock.recv(65536)
            except TimeoutError:
                raise TimeoutError(errno.ETIMEDOUT, "nothing came in time") from None
            except ConnectionResetError:
                data = b""
            finally:
                self.sock.settimeout(None)
            if not data:
                self.eof = True
                continue
            try:
                for frame in self.decoder.feed(data):
                    self.frames.append(frame)
                    self.log.append(frame)
            except Broken as e:
                while self.frames:
                    self.handle(self.frames.popleft())
                if not str(e).startswith("M7"):
                    self.say_away(e.code, str(e).encode())
                raise

    def find(self, f):
        """M34: the channel of a frame; None for one that is retired."""
        ch = self.channels.get(f.channel)
        if ch:
            wants = "receives" if f.type in (MSG, DATA, THING, END, ASK) else "sends"
            check(getattr(ch, wants), f"M34: {TYPES[f.type]} from the wrong side")
            check(f.type not in (MSG, THING) or not ch.is_stream, "M34: message on a stream")
            check(f.type != DATA or ch.is_stream, "M34: data on a channel")
            return ch
        last = self.last_ours if self.is_ours(f.channel) else self.last_theirs
        check(f.channel <= last, f"M34: id {f.channel} is not open")
        if f.type == THING:
            self.drop_thing(self.take_thing(f))
        return None

    def take_new(self, id, kind, depth):
        check(not self.is_ours(id) and id > self.last_theirs, f"M34: new id {id}")
        check(self.granted > 0, "M40: more openings than allowed")
        self.granted -= 1
        self.last_theirs = id
        ch = Channel(self, id).set(kind, depth)
        self.channels[id] = ch
        return ch

    def handle(self, f):
        m = f.meaning
        if f.type == HELLO:
            check(m["role"] != self.role, "M18: the same role")
            self.theirs, self.room = m, m["max_opens"]
        elif f.type == OPEN:
            ch = self.take_new(f.channel, m["kind"], m["depth"])
            ch.name = m["name"]
            if self.away_said:
                ch.close(GONE)
            else:
                self.opens.append(ch)
        elif f.type == PING:
            self.frame(PONG, 0, m["data"])
        elif f.type == PONG:
            if self.pings:
                check(self.pings.popleft() == m["data"], "M59: PONG")
        elif f.type == AWAY:
            if m["code"]:
                raise Closed(m["code"], m["text"])
            self.away_read = True
            self.say_away()
        elif f.type == CREDIT and f.channel == 0:
            self.room += m["messages"]
            check(self.room <= self.theirs["max_opens"], "M40: more given back than taken")
        else:
            ch = self.find(f)
            if ch:
                self.touched[ch.id] = ch
                getattr(self, "on_" + TYPES[f.type])(ch, f, m)

    def on_thing(self, ch, f, m):
        check(ch.end is None, "M44: after END")
        check(ch.parts is None or ch.stop_sent, "M43: THING between parts")
        thing = self.take_thing(f)
        if ch.stop_sent:
            self.drop_thing(thing)
            return
        ch.things.append(thing)
        if len(ch.things) > self.ours["max_things"]:
            raise Broken("M68: too many things", LIMIT)

    def take_thing(self, f):
        m = f.meaning
        if m["kind"] == FD:
            check(self.ours["fds"] & 1, "M56: a descriptor")
            check(self.fds, "M54: no descriptor")
            return Thing(FD, self.fds.popleft())
        check(m["kind"] != FD_BRIDGE or self.ours["fds"] & 2, "M56: a bridge")
        new = self.take_new(m["new"], m["kind"], m["depth"])
        return Thing(m["kind"], new, m["depth"], m["ways"])

    def on_msg(self, ch, f, m):
        check(ch.end is None, "M44: after END")
        if ch.stop_sent:
            return
        check(bool(f.flags & REST) == (ch.parts is not None), "M43: parts out of turn")
        if not f.flags & REST:
            total = m.get("total", len(m["payload"]))
            self.check_credit(ch, total)
            if total > self.ours["max_msg"]:
                raise Broken("M68: message too long", LIMIT)
            ch.head = (total, m.get("left", NO_DEADLINE), m.get("label", b""))
            ch.parts = b""
        ch.parts += m["payload"]
        total, left, label = ch.head
        check(len(ch.parts) <= total, "M27: more than the total")
        if f.flags & MORE:
            return
        check(len(ch.parts) == total, "M27: less than the total")
        msg = Message(ch.parts, ch.things, label, None if left == NO_DEADLINE else left)
        ch.things, ch.parts, ch.head = [], None, None
        ch.queue.append(msg)

    def check_credit(self, ch, total):
        if ch.depth == 0:
            check(ch.want_sent, "M37: nobody waits")
            ch.want_sent = False
        else:
            check(ch.got_messages < ch.depth, "M41: more than the depth")
            check(ch.got_bytes < self.ours["window"], "M41: past the window")
        ch.got_messages += 1
        ch.got_bytes += total

    def on_data(self, ch, f, m):
        check(ch.end is None, "M44: after END")
        if ch.stop_sent or not m["payload"]:
            return
        ch.got_bytes += len(m["payload"])
        check(ch.got_bytes <= self.ours["window"], "M41: past the window")
        ch.queue.append(m["payload"])

    def on_credit(self, ch, f, m):
        check(not ch.is_stream or m["messages"] == 0, "M33: messages on a stream")
        check(m["messages"] <= ch.out_messages and m["bytes"] <= ch.out_bytes, "M41: credit")
        ch.out_messages -= m["messages"]
        ch.out_bytes -= m["bytes"]
        ch.want = ch.want or bool(f.flags & WANT)
        ch.retire()

    def on_end(self, ch, f, m):
        check(ch.end is None, "M44: END twice")
        if not ch.stop_sent and not m["code"]:
            check(ch.parts is None and not ch.things, "M43: END in a message")
        ch.drop_partial()
        ch.end = (m["code"], m["text"])
        if not ch.queue and not ch.stop_sent:
            ch.tell()
        ch.retire()

    def on_stop(self, ch, f, m):
        check(ch.stopped is None, "M45: STOP twice")
        ch.stopped = (m["code"], m["text"])
        ch.finish()
        ch.retire()

    def on_ask(self, ch, f, m):
        ch.asked = True
        ch.tell()

    def drop(self, item):
        """M48: a message unread, or bytes."""
        if isinstance(item, Message):
            for thing in item.things:
                self.drop_thing(thing)

    def drop_thing(self, thing):
        if thing.kind == FD:
            os.close(thing.what)
        else:
            thing.what.close(GONE)


# the command


def escaped(data):
    return "".join(chr(c) if 0x21 <= c <= 0x7E and c != 0x25 else f"%{c:02X}" for c in data)


def line_of(f):
    """A frame as spec/vectors/README.md writes it."""
    m, out = f.meaning, [TYPES[f.type]]
    if f.type not in (HELLO, PING, PONG, AWAY):
        out.append(f"channel={f.channel}")
    if f.type == MSG:
        names = [n for bit, n in ((MORE, "more"), (HEAD, "head"), (REST, "rest")) if f.flags & bit]
        out.append("flags=" + "+".join(names))
    for key, v in m.items():
        if key == "kind":
            v = KINDS[v]
        elif key == "id":
            v = f"{v:032x}"
        elif key == "left" and v == NO_DEADLINE:
            v = "none"
        elif isinstance(v, bytes):
            v = escaped(v)
        out.append(f"{key}={v}")
    if f.type == THING:
        out.append(f"fds={f.fds}")
    if f.type == CREDIT:
        out.append(f"want={f.flags & WANT}")
    return " ".join(out)


def read_vectors(path):
    """Each record of a file: a dict, its expected lines under "want"."""
    with open(path, encoding="ascii") as file:
        for record in file.read().split("\n\n"):
            v = {"start": "frames", "max-frame": "65536", "bytes": "", "want": []}
            for line in record.splitlines():
                word, _, rest = line.partition(" ")
                if not word or word.startswith("#"):
                    continue
                if word == "bytes":
                    v["bytes"] += rest
                elif word in ("name", "start", "max-frame"):
                    v[word] = rest
                else:
                    v["want"].append(line)
            if "name" in v:
                v["bytes"] = bytes.fromhex(v["bytes"])
                yield v


def said(v, step):
    decoder, lines = Decoder(int(v["max-frame"]), v["start"]), []
    try:
        for i in range(0, len(v["bytes"]), step):
            for f in decoder.feed(v["bytes"][i : i + step]):
                lines.append(line_of(f))
    except Broken as e:
        return lines + ["error limit" if e.code == LIMIT else "error protocol"]
    return lines + ["cut" if decoder.kept or decoder.state == "preface" else "ok"]


def vectors(folder):
    n = bad = 0
    for name in sorted(os.listdir(folder)):
        for v in read_vectors(os.path.join(folder, name)):
            n += 1
            for step in range(1, len(v["bytes"]) + 2):
                got = said(v, step)
                if got != v["want"]:
                    bad += 1
                    print(f"{name}: {v['name']}, by {step}:", *got, sep="\n    ")
                    break
    print(f"{n} vectors, {bad} bad")
    return bad != 0 or n == 0


def call(url, service, data):
    with Peer.dial(url) as p:
        question, back = p.open(RECEIVER, 1, service), p.channel()
        question.send(data.encode(), [Thing(SENDER, back, 1)])
        answer = back.recv()
        if answer:
            sys.stdout.buffer.write(answer.data)
            sys.stdout.buffer.flush()
        question.finish()
        back.close()
        p.away()
        return answer is None


def serve_one(sock):
    try:
        serve_session(sock)
    except (Broken, Closed, Lost, TimeoutError) as e:
        print(f"mux_peer: {type(e).__name__}: {e}", file=sys.stderr)
    finally:
        sock.close()


def serve_session(sock):
    with Peer(sock, ACCEPTED) as p:
        served = set()
        while True:
            p.pump(lambda: p.opens or p.touched or p.away_read and not p.channels, 3600)
            served.update(c.id for c in p.opens)
            p.opens.clear()
            ch = p.touched.pop(next(iter(p.touched)), None) if p.touched else None
            while ch and ch.id in served and ch.id in p.channels and ch.receives and ch.ready():
                if ch.is_stream:
                    data = ch.read()
                    ch.write(data) if data else ch.finish()
                    if not data:
                        break
                    continue
                msg = ch.recv()
                if not msg:
                    break
                if msg.things and msg.things[-1].kind == SENDER:
                    back = msg.things[-1].what
                    try:
                        back.send(msg.data, label=msg.label, timeout=3600)
                    except Closed:
                        pass
                    back.finish()
                    msg = msg._replace(things=msg.things[:-1])
                p.drop(msg)
            if p.away_read and not p.channels:
                p.away()
                return


def serve(url, n=None):
    scheme, _, rest = url.partition(":")
    if scheme == "unix":
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(rest.replace("@", "\0", 1) if rest.startswith("@") else rest)
    else:
        host, _, port = rest.strip("/").rpartition(":")
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, int(port)))
    listener.listen(16)
    print("ready", flush=True)
    while n is None or n > 0:
        n = n and n - 1
        threading.Thread(target=serve_one, args=[listener.accept()[0]]).start()


def main(argv):
    if argv[1:2] == ["vectors"] and len(argv) == 3:
        return vectors(argv[2])
    if argv[1:2] == ["call"] and len(argv) == 5:
        return call(*argv[2:])
    if argv[1:2] == ["serve"] and len(argv) in (3, 4):
        return serve(argv[2], int(argv[3]) if len(argv) == 4 else None)
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv))
