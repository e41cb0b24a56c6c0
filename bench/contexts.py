#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Contexts beside redis-server: the same load on both, in turns, medians of the rounds.

    contexts.py BEAM [--only TEXT] [--rounds N] [--quick] [--list] [--markdown FILE]

The load is redis-benchmark with 50 connections unless a row says otherwise, and both run where
the system puts them, as they would for whoever starts them. A ratio is of ours to redis-server's in the same
round, so that a slow minute is slow for both; the figures are the medians of those. What the
server computed for each request is told too, which others on the machine change least; and what
redis-benchmark did, which has one thread: where that is the larger, the rate is the load's own.

Servers are started afresh for each row, but for rows in line that begin with the same keys: those
are put in once.
"""

import argparse
import contextlib
import csv
import glob
import io
import itertools
import os
import resource
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

COMMANDS = ["ping_mbulk", "set", "get", "incr", "lpush", "rpop", "sadd", "hset", "zadd", "mset"]
OURS, THEIRS = "beam", "redis-server"


class Server:
    """One of the two, at a unix socket and on TCP."""

    def __init__(self, name, beam, folder):
        self.name = name
        self.path = os.path.join(folder, name)
        with socket.create_server(("127.0.0.1", 0)) as s:
            self.port = s.getsockname()[1]
        urls = ["unix:" + self.path, "tcp://127.0.0.1:%d" % self.port]
        quiet = ["--save", "", "--appendonly", "no", "--daemonize", "no", "--logfile", os.devnull]
        words = {
            OURS: [beam, "context", "serve"] + urls,
            THEIRS: ["redis-server", "--unixsocket", self.path, "--bind", "127.0.0.1"]
            + ["--port", str(self.port), "--maxclients", "20000", "--dir", folder] + quiet,
        }[name]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while True:
            try:
                self.ask("PING")
                return
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    sys.exit("contexts: %s does not start" % name)
                time.sleep(0.01)

    def ask(self, *words):
        """The first line of the answer."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.path)
            s.sendall(request(*words))
            return s.makefile("rb").readline()

    def feed(self, batches):
        """A thousand commands each, answered by one line each. The next are made ready while the
        last are executed."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.path)
            n_unheard = 0
            for batch in batches:
                self.hear(s, n_unheard)
                s.sendall(batch)
                n_unheard = 1000
            self.hear(s, n_unheard)

    def hear(self, s, n):
        """Read @n answers."""
        while n > 0:
            answers = s.recv(1 << 16)
            if not answers or answers.startswith(b"-") or b"\n-" in answers:
                sys.exit("contexts: %s: %r" % (self.name, answers[-200:]))
            n -= answers.count(b"\n")

    def resident(self):
        with open("/proc/%d/statm" % self.process.pid) as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def cpu(self):
        """Seconds that it has computed so far."""
        ns = 0
        for path in glob.glob("/proc/%d/task/*/schedstat" % self.process.pid):
            with open(path) as f:
                ns += int(f.read().split()[0])
        return ns / 1e9

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def request(*words):
    words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


# rows: each gives (what is measured, of which more is better) or bytes, of which less is


class Load:
    """redis-benchmark: requests a second; the p99 in ms; and the microseconds that the server and
    the load computed for each."""

    better, unit = "more", "/s"

    def __init__(self, key, test, link, goal, n, pipeline=1, keys=0, connections=50, fill=0):
        self.key, self.test, self.link, self.goal, self.n = key, test, link, goal, n
        self.connections, self.fill = connections, fill
        self.words = ["-P", str(pipeline)] + (["-r", str(keys)] if keys else [])

    def run(self, server, test, words):
        at = ["-s", server.path] if self.link == "unix" else ["-p", str(server.port)]
        name, _, count = test.partition("_")
        # by hand, or it would measure how the list is made as well
        what = [name, "mylist", "0", str(int(count) - 1)] if name == "lrange" else ["-t", test]
        words = ["redis-benchmark", "--csv", "-n", str(self.n)] + words + at + what
        out = subprocess.run(words, capture_output=True, text=True, timeout=300)
        try:
            row = next(csv.DictReader(io.StringIO(out.stdout)))
            return float(row["rps"]), float(row["p99_latency_ms"])
        except (StopIteration, KeyError):
            sys.exit("contexts: redis-benchmark: " + out.stdout + out.stderr)

    def prepare(self, server):
        if not self.fill:
            server.ask("FLUSHALL")
        if self.test == "rpop" or self.test.startswith("lrange"):
            self.run(server, "lpush", ["-P", "64"])

    def measure(self, server):
        cpus = server.cpu(), load_cpu()
        measured = self.run(server, self.test, ["-c", str(self.connections)] + self.words)
        return *measured, *((b - a) / self.n * 1e6 for a, b in zip(cpus, (server.cpu(), load_cpu())))


def load_cpu():
    """Seconds that the loads have computed so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# What fills a server: the words of a request. In those % is a number, and %% one of twelve digits.
KINDS = {
    "string": ["SET", "key:%%", "value:%"],  # as redis-benchmark calls them
    "hash": ["HSET", "large", "field:%", "value:%"],
    "set": ["SADD", "large", "member:%"],
    "zset": ["ZADD", "large", "%", "member:%"],
    "hashes": ["HSET", "key:%", "name", "user%", "age", "42", "city", "somewhere", "mail", "user%@example.org"],
}


def filled(kind, n):
    """Batches of a thousand requests that make @n elements of a kind, a power of ten from ten
    thousand on. The first three digits are those of the request, the others the batch's: so
    they come in no order, and a batch is made in one go."""
    digits = len(str(n)) - 4
    hole = "#" * digits
    text = b""
    for i in range(1000):
        number = "%03d" % i + hole
        words = (word.replace("%%", number.rjust(12, "0")).replace("%", number) for word in KINDS[kind])
        text += request(*words)
    for i in range(10**digits):
        yield text.replace(hole.encode(), b"%0*d" % (digits, i))


class Memory:
    """Bytes resident for each of so many elements."""

    better, unit, fill = "less", "B", 0

    def __init__(self, key, kind, goal, n=1000000):
        self.key, self.kind, self.goal, self.n = key, kind, goal, n

    def prepare(self, server):
        """Nothing."""

    def measure(self, server):
        before = server.resident()
        server.feed(filled(self.kind, self.n))
        return (server.resident() - before) / self.n,


class Sync:
    """Seconds until a replica has a million small keys; and the p99 of GETs meanwhile, in ms."""

    better, unit = "less", "ms"

    def __init__(self, key, goal, n=1000000):
        self.key, self.goal, self.n, self.fill = key, goal, n, n

    def prepare(self, server):
        """Nothing."""

    def measure(self, server):
        done, times = os.pipe(), tempfile.TemporaryFile("w+")
        child = os.fork()
        if child == 0:
            times.write(" ".join("%f" % t for t in self.times_of_gets(server, done)))
            times.flush()
            os._exit(0)
        cpu, begin = server.cpu(), time.monotonic()
        self.follow(server)
        took = time.monotonic() - begin
        os.close(done[1])
        os.close(done[0])
        os.waitpid(child, 0)
        times.seek(0)
        gets = sorted(float(t) for t in times.read().split())
        return took * 1000, gets[len(gets) * 99 // 100], (server.cpu() - cpu) / self.n * 1e6

    @staticmethod
    def follow(server):
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            s.sendall(b"SYNC\r\n")
            answer = s.makefile("rb", buffering=1 << 16)
            head = answer.readline()
            while head == b"\n":
                head = answer.readline()
            left = int(head[1:])
            while left > 0:
                left -= len(answer.read(min(left, 1 << 20)))

    @staticmethod
    def times_of_gets(server, done):
        os.close(done[1])
        times = []
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(server.path)
            while not select.select([done[0]], [], [], 0)[0]:
                begin = time.monotonic()
                s.sendall(request("GET", "key:%012d" % (len(times) * 7919 % 1000000)))
                s.recv(256)
                times.append((time.monotonic() - begin) * 1000)
        return times


def all_rows():
    rows = []
    for link in "unix", "tcp":
        for pipeline, goal, n in (1, 1.05, 60000), (16, 1.4, 600000), (64, 1.4, 1000000):
            for test in COMMANDS:
                count = n // 2 if test == "mset" else n
                rows.append(Load("%s-P%d-%s" % (link, pipeline, test), test, link, goal, count, pipeline))
        for test, n in ("lrange_100", 100000), ("lrange_600", 30000):
            rows.append(Load("%s-%s" % (link, test), test, link, 1.5, n))
    for connections in 10, 1000, 10000:
        rows.append(Load("connections-%d" % connections, "get", "unix", 1.05, 100000, connections=connections))
    for kind, goal in ("string", 0.75), ("hash", 0.85), ("set", 0.85), ("zset", 0.85), ("hashes", 0.85):
        rows.append(Memory("memory-" + kind, kind, goal))
    rows.append(Sync("sync", 0.5))
    for keys in 1000000, 10000, 10000000:
        for test in "set", "get":
            rows.append(Load("keys-%d-%s" % (keys, test), test, "unix", 1.2, 600000, 16, keys, fill=keys))
        if keys == 1000000:  # the counters of the last come beside the keys
            for test in "set", "get", "incr":
                rows.append(Load("misses-P16-" + test, test, "unix", 1.2, 1000000, 16, keys, fill=keys))
    return rows


@contextlib.contextmanager
def both(beam):
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        servers = [Server(name, beam, folder) for name in (OURS, THEIRS)]
        for server in servers:
            stack.callback(server.end)
        yield servers


def run(row, servers, rounds):
    """For each server what each round has measured."""
    found = {OURS: [], THEIRS: []}
    for _ in range(1 if isinstance(row, Memory) else rounds):
        for server in servers:
            row.prepare(server)
            found[server.name].append(row.measure(server))
    return found


def line(row, found):
    """The line of the table, and whether both goals were reached."""
    ours, theirs = found[OURS], found[THEIRS]
    ratio = statistics.median(a[0] / b[0] for a, b in zip(ours, theirs))
    reached = ratio >= row.goal if row.better == "more" else ratio <= row.goal
    text = "  %-24s %10.0f %10.0f %-3s %6.2f  %s %4.2f %-4s" % (
        row.key, statistics.median(a[0] for a in ours), statistics.median(b[0] for b in theirs),
        row.unit, ratio, ">=" if row.better == "more" else "<=", row.goal, "yes" if reached else "NO")
    if len(ours[0]) > 1:
        mine, other = (statistics.median(x[1] for x in side) for side in (ours, theirs))
        cpus = [statistics.median(x[i] for x in side) for i in range(2, len(ours[0])) for side in (ours, theirs)]
        text += "  %7.3f %7.3f %-4s" % (mine, other, "yes" if mine <= other else "NO")
        text += "".join(" %7.2f" % cpu for cpu in cpus)
        reached = reached and mine <= other
    return text.rstrip(), reached


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("beam")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--markdown", help="write the table to this file as well, within a page")
    o = parser.parse_args()

    rows = [row for row in all_rows() if o.only in row.key]
    if o.list:
        print("\n".join(row.key for row in rows))
        return
    for tool in "redis-server", "redis-benchmark":
        if not shutil.which(tool):
            print("contexts: %s is not installed" % tool)
            return
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # for ten thousand connections
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    rounds = 1 if o.quick else o.rounds
    out = [
        "Contexts beside redis-server, %s: redis-benchmark as the load, medians of %d rounds." %
        (time.strftime("%Y-%m-%d"), rounds),
        "",
        "  %-24s %10s %10s %10s  %-12s  %s" % ("", "Beam", "Redis", "ratio", "goal", "p99 ms of both      cpu us of both  and of the load"),
    ]
    print("\n".join(out), flush=True)
    n_reached = 0
    for _, group in itertools.groupby(rows, lambda row: row.fill or row.key):
        group = list(group)
        with both(os.path.realpath(o.beam)) as servers:
            for server in servers if group[0].fill else ():
                server.feed(filled("string", group[0].fill))
            for row in group:
                text, reached = line(row, run(row, servers, rounds))
                n_reached += reached
                out.append(text)
                print(text, flush=True)
    out.append("\nrows that reach their goals: %d of %d" % (n_reached, len(rows)))
    print(out[-1])
    if o.markdown:
        with open(o.markdown, "w") as f:
            f.write("# Contexts beside redis-server\n\nWritten by `make contexts`; what it means is in [speed.md](../docs/explain/speed.md).\n\n```\n")
            f.write("\n".join(out) + "\n```\n")


if __name__ == "__main__":
    main()
