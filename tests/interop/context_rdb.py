#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""RDB between a context and a real redis-server: context_rdb.py TOOL

Each opens the file that the other has saved, and RESTOREs what the other has DUMPed; all
that both hold then is read back and is the same. And kill -9 while it is saving.
"""
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

n_tests = 0


def ok(good, what):
    global n_tests
    n_tests += 1
    print(f"{'ok' if good else 'not ok'} {n_tests} - {what}", flush=True)
    return good


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def read(self):
        line = self.file.readline()
        if not line:
            raise EOFError
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.read() for _ in range(int(rest))]
        return line[:-2]

    def __call__(self, *words):
        self.send(*words)
        return self.read()

    def send(self, *words):
        words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words))


class Server:
    """A redis-server, or a context, whose file is dump.rdb in @dir."""

    def __init__(self, tool, dir):
        self.path = os.path.join(dir, "socket")
        if os.path.exists(self.path):
            os.unlink(self.path)
        if tool:
            argv = [tool, "context", "serve", "--file", os.path.join(dir, "dump.rdb"), "--print-url", "unix:" + self.path]
        else:
            argv = ["redis-server", "--port", "0", "--unixsocket", self.path, "--dir", dir, "--save", ""]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        # of the context its first line is its URL; a redis-server says when it is ready
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"{argv[0]} ended")
            if tool or b"Ready to accept connections" in line or b"accept connections at" in line:
                break
        self.client = Client(self.path)

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.communicate()
        return self.process.returncode


def fill(c, seed):
    """All types, in each of the forms that Redis keeps and saves them in."""
    chance = random.Random(seed)
    texts = [b"", b"0", b"-1", b"127", b"-129", b"32768", b"2147483648", b"-9223372036854775808",
             b"9223372036854775808", b"007", b"1.5", b"text", b"\x00\xff\r\n", b"a" * 63, b"b" * 64, b"abc" * 2000,
             bytes(chance.randrange(256) for _ in range(20000))]
    for i, text in enumerate(texts):
        c("SET", f"string:{i}", text)
    c("SETRANGE", "string:hole", 100000, "x")
    for n in (1, 10, 300, 5000):
        some = [chance.choice(texts) if n < 300 else str(chance.randrange(10 ** 9)).encode() for _ in range(n)]
        c("RPUSH", f"list:{n}", *some)
        c("SADD", f"set:{n}", *some)
        c("SADD", f"numbers:{n}", *[chance.randrange(-10 ** (n % 17), 10 ** (n % 17)) for _ in range(n)])
        c("HSET", f"hash:{n}", *[x for k, v in enumerate(some) for x in (f"{k}", v)])
        c("ZADD", f"zset:{n}", *[x for m in some for x in (repr(chance.uniform(-1e9, 1e9)), m)])
    c("ZADD", "zset:ends", "inf", "a", "-inf", "b", "0", "c", "1e-300", "e")
    c("RPUSH", "list:large", "x" * 100000, "y", "z" * 9000)
    c("HSET", "hash:large", "f", "x" * 100)
    c("SET", "dies", "1", "PXAT", 4102444800000)
    c("HSET", "hash:dies", "a", "1")
    c("EXPIREAT", "hash:dies", 4102444800)
    c("PFADD", "hll", *range(1000))
    c("SETBIT", "bits", 12345, 1)
    for i in range(1, 400):
        fields = ("a", i, "b", "x" * (i % 200)) if i % 7 else ("other", -i * 10 ** (i % 17), "a", "", "c", "1.5")
        c("XADD", "stream", f"{i * 1000}-{i % 5}", *fields)
    c("XDEL", "stream", "5000-0", "1000-1", "399000-4")
    for group, at in (("g1", "0"), ("g2", "$"), ("g3", "200000")):
        c("XGROUP", "CREATE", "stream", group, at)
    for who, n in (("ada", 3), ("bob", 70)):
        c("XREADGROUP", "GROUP", "g1", who, "COUNT", n, "STREAMS", "stream", ">")
    c("XGROUP", "CREATECONSUMER", "stream", "g2", "idle")
    c("XACK", "stream", "g1", "3000-3")
    c("XGROUP", "CREATE", "stream:empty", "g", "$", "MKSTREAM")
    c("XADD", "stream:one", "18446744073709551615-18446744073709551615", "f", "v")
    c("SELECT", 9)
    c("SET", "elsewhere", "1")
    c("SELECT", 0)


def without_nodes(info):
    """How it is kept is the server's own."""
    info = dict(zip(info[::2], info[1::2]))
    del info[b"radix-tree-keys"], info[b"radix-tree-nodes"]
    return info


def everything(c):
    """All that there is, by name; what has no order is sorted."""
    reads = {b"+string": ("GET",), b"+list": ("LRANGE", 0, -1), b"+set": ("SMEMBERS",), b"+hash": ("HGETALL",),
             b"+zset": ("ZRANGE", 0, -1, "WITHSCORES"), b"+stream": ("XRANGE", "-", "+")}
    found = {}
    for number in range(16):
        c("SELECT", number)
        for name in c("KEYS", "*"):
            kind = c("TYPE", name)
            command, *rest = reads[kind]
            value = c(command, name, *rest)
            if kind == b"+set":
                value = sorted(value)
            if kind == b"+hash":
                value = sorted(zip(value[::2], value[1::2]))
            if kind == b"+stream":
                value = value, without_nodes(c("XINFO", "STREAM", name, "FULL", "COUNT", 0))
            found[number, name] = kind, value, c("PEXPIRETIME", name), c("OBJECT", "ENCODING", name)
    c("SELECT", 0)
    return found


def same(want, got, what):
    if not ok(want == got, what):
        for name in sorted(want.keys() | got.keys()):
            if want.get(name) != got.get(name):
                print(f"# {name}: {str(want.get(name))[:300]}, then {str(got.get(name))[:300]}")


def files(tool, dir):
    """Theirs is opened here, and ours there."""
    theirs, ours = os.path.join(dir, "theirs"), os.path.join(dir, "ours")
    os.mkdir(theirs)
    os.mkdir(ours)
    server = Server(None, theirs)
    fill(server.client, 1)
    want = everything(server.client)
    server.client("SAVE")
    server.end()
    shutil.copy(os.path.join(theirs, "dump.rdb"), ours)
    server = Server(tool, ours)
    same(want, everything(server.client), "a redis-server's file opened in a context")
    ok(server.client("SAVE") == b"+OK", "saved")
    check = subprocess.run(["redis-check-rdb", os.path.join(ours, "dump.rdb")], capture_output=True)
    ok(check.returncode == 0, "redis-check-rdb finds nothing")
    server.end()
    shutil.copy(os.path.join(ours, "dump.rdb"), theirs)
    server = Server(None, theirs)
    same(want, everything(server.client), "a context's file opened in a redis-server")
    server.end()


def dumps(tool, dir):
    """What one has dumped the other restores."""
    ends = []
    for end, which in enumerate((None, tool)):
        os.mkdir(os.path.join(dir, f"dumps-{end}"))
        ends.append(Server(which, os.path.join(dir, f"dumps-{end}")))
    for of, to, what in ((ends[0], ends[1], "a context restores what a redis-server dumps"),
                         (ends[1], ends[0], "a redis-server restores what a context dumps")):
        of.client("FLUSHALL")
        to.client("FLUSHALL")
        fill(of.client, 2)
        for number in (0, 9):
            of.client("SELECT", number)
            to.client("SELECT", number)
            for name in of.client("KEYS", "*"):
                ttl = max(0, int(of.client("PEXPIRETIME", name)[1:]))
                said = to.client("RESTORE", name, ttl, of.client("DUMP", name), "ABSTTL")
                if said != b"+OK":
                    ok(False, f"{what}: {name}: {said}")
        same(everything(of.client), everything(to.client), what)
    for server in ends:
        server.end()


def is_nameless(dir):
    """Whether there can be files without a name."""
    try:
        os.close(os.open(dir, os.O_TMPFILE | os.O_WRONLY))
        return True
    except OSError:
        return False


def killed(tool, dir):
    """Killed at any time while it saves under load, there is a whole file of some moment."""
    chance = random.Random(3)
    dir = os.path.join(dir, "killed")
    os.mkdir(dir)
    server = Server(tool, dir)
    server.client("MSET", *[x for i in range(20000) for x in (f"key:{i}", "x" * 100)])
    server.client("SAVE")
    for _ in range(10):
        # a transaction sets both, so in every file they are the same
        for i in range(chance.randrange(1, 40)):
            server.client("BGSAVE")
            for _ in range(chance.randrange(20)):
                server.client("MULTI")
                server.client("INCR", "one")
                server.client("MSET", *[x for _ in range(50) for x in (f"key:{chance.randrange(20000)}", str(i))])
                server.client("INCR", "other")
                server.client("EXEC")
        server.end(signal.SIGKILL)
        server = Server(tool, dir)
        one, other = server.client("MGET", "one", "other")
        if one != other or int(server.client("DBSIZE")[1:]) not in (20000, 20002):
            ok(False, f"{one} and {other} after it was killed")
    ok(True, "killed while it saves, ten times")
    if not is_nameless(dir):
        ok(True, "what is left of it # SKIP a file has to have a name here")
    else:
        ok(not [name for name in os.listdir(dir) if name.startswith("temp-")], "what is left of it")
    server.end()


def main(tool):
    if not shutil.which("redis-server") or not shutil.which("redis-check-rdb"):
        print("1..0 # SKIP no redis-server")
        return
    with tempfile.TemporaryDirectory() as dir:
        files(tool, dir)
        dumps(tool, dir)
        killed(tool, dir)
    print(f"1..{n_tests}")


main(sys.argv[1])
