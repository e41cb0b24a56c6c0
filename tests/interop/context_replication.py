#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Replication between a context and a real redis-server, both ways, with what goes wrong on the way.

    context_replication.py TOOL [NAME...]     in TAP; only the tests whose names have one of NAME in them

Commands drawn by chance (context_oracle.py) change the one, and the other has to hold the same
then, read back key by key.
"""
import os
import base64
import json
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid

import context_oracle as oracle

GROUPS = [group for group in oracle.TEMPLATES
          if group not in ("connection", "server", "scripting", "pubsub", "transactions")]
# What two servers may tell each its own way, or what a connection is changed by; and a BITFIELD
# that fails, for which Redis 7.0 makes a key that it tells no replica of.
NOT_FOR_WRITERS = ("BITFIELD", "CONFIG", "CLIENT", "HELLO", "RESET", "DEBUG", "OBJECT",
                   "RESTORE")


class Writer(oracle.Commands):
    """Changes a server by chance, now and then in a transaction."""

    def __init__(self, peer, seed):
        super().__init__(seed, [template for group in GROUPS for template in oracle.TEMPLATES[group]
                                if template.lstrip("!").split(" ")[0] not in NOT_FOR_WRITERS
                                # Redis sends it with a LIMIT that only a replica may be sent
                                and not (template.startswith("X") and "LIMIT" in template)])
        self.peer = peer

    def write(self, n):
        for _ in range(n):
            in_multi = self.chance.random() < 0.05
            some = [self.command()[0] for _ in range(3 if in_multi else 1)]
            if in_multi:
                some = [["MULTI"], *some, ["EXEC"]]
            for argv in some:
                self.peer.send(argv)
            for _ in some:
                self.peer.read()


def pairs(reply):
    return dict(zip(reply[1][::2], reply[1][1::2]))


def replicated(stream):
    """What Redis tells replicas of a stream: nothing of consumers without anything pending,
    of how often it was handed out, nor of how many entries a group has read."""
    facts = pairs(stream)
    groups = [(group[b"name"], group[b"last-delivered-id"], [tuple(entry[1][:2]) for entry in group[b"pending"][1]])
              for group in map(pairs, facts[b"groups"][1])]
    return (groups, [facts[fact] for fact in (b"entries", b"last-generated-id", b"max-deleted-entry-id",
                                              b"entries-added", b"recorded-first-entry-id")])


def values(peer):
    """All that a peer holds; how it keeps it is its own affair."""
    return {name: (kind, replicated(value) if kind == b"stream" else value, expires)
            for name, (kind, value, expires, _) in oracle.contents(peer).items()}


def info(peer, section="replication"):
    text = peer.ask(["INFO", section])
    text = text[1] if isinstance(text, tuple) else text
    return dict(line.split(":", 1) for line in text.decode().splitlines() if ":" in line)


def wait_until(is_so, what):
    until = time.monotonic() + 60
    while not is_so():
        if time.monotonic() > until:
            raise AssertionError(f"{what} has not come about in a minute")
        time.sleep(0.005)


def same(a, b):
    ours, theirs = values(a), values(b)
    for name in sorted(set(ours) | set(theirs)):
        assert ours.get(name) == theirs.get(name), f"{name}: {ours.get(name)} and {theirs.get(name)}"
    return len(ours)


def count(log, text):
    with open(log, encoding="utf-8", errors="replace") as file:
        return sum(text in line for line in file)


class Place:
    """Servers in a folder of their own, and their ends."""

    def __init__(self, tool):
        self.tool = tool
        self.folder = tempfile.TemporaryDirectory()
        self.children = []
        self.n = 0

    def path(self, name):
        return f"{self.folder.name}/{name}"

    def start(self, argv, path, **more):
        child = subprocess.Popen(argv, cwd=self.folder.name, **more)
        self.children.append(child)
        oracle.wait_for_socket(path, child)
        return child

    def context(self, *more):
        """Returns the process, the path of its socket, and its TCP port."""
        self.n += 1
        path = self.path(f"c{self.n}")
        child = self.start([self.tool, "context", "serve", "--print-url", "unix:" + path,
                            "tcp://127.0.0.1:0", *more], path, stdout=subprocess.PIPE, text=True)
        child.stdout.readline()
        return child, path, int(child.stdout.readline().rsplit(":", 1)[1])

    def redis(self, *more):
        """Returns the process, the path of its socket, and that of its log."""
        self.n += 1
        path = self.path(f"r{self.n}")
        child = self.start(["redis-server", "--port", "0", "--unixsocket", path, "--save", "",
                            "--dir", self.folder.name, "--logfile", path + ".log", *more], path)
        return child, path, path + ".log"

    def again(self, path, kind):
        """A server, where there was one."""
        if os.path.exists(path):
            os.unlink(path)
        if kind == "redis":
            return self.start(["redis-server", "--port", "0", "--unixsocket", path, "--save", "",
                               "--dir", self.folder.name, "--logfile", path + ".log"], path)
        return self.start([self.tool, "context", "serve", "unix:" + path], path)

    def end(self, child):
        child.send_signal(signal.SIGCONT)  # first: it would undo the stop by which a leak checker looks
        child.terminate()
        child.wait()
        if child.stdout:
            child.stdout.close()
        self.children.remove(child)

    def close(self):
        for child in list(self.children):
            self.end(child)
        self.folder.cleanup()


def peer(path):
    return oracle.Peer(path, 2)


def replica_of(place, port, *more):
    child, path, log = place.redis("--replicaof", f"127.0.0.1 {port}", *more)
    client = peer(path)
    wait_until(lambda: info(client)["master_link_status"] == "up", "the link")
    return child, client, log


# a redis-server follows a context


def full_then_changes(place):
    _, path, port = place.context()
    master = peer(path)
    writer = Writer(master, 1)
    writer.write(3000)
    _, replica, log = replica_of(place, port)
    writer.write(3000)
    assert master.ask(["WAIT", "1", "30000"]) == 1
    assert same(master, replica) > 5
    assert count(log, "Full resync from master") == 1


def large_values(place):
    _, path, port = place.context()
    master = peer(path)
    master.ask(["SET", "long", "x" * 3_000_000])
    for i in range(0, 20000, 100):
        master.ask(["RPUSH", "list", *(f"value {i + k}" for k in range(100))])
        master.ask(["SADD", "set", *(f"value {i + k}" for k in range(100))])
        master.ask(["HSET", "hash", *(f"{i + k // 2}.{k % 2}" for k in range(200))])
        master.ask(["ZADD", "zset", *(str(i + k // 2) for k in range(200))])
    _, replica, _ = replica_of(place, port)
    master.ask(["SET", "longer", "y" * 3_000_000])
    assert master.ask(["WAIT", "1", "30000"]) == 1
    assert same(master, replica) == 6


def cuts(place):
    """The link is cut again and again while it is written to: never a second snapshot."""
    _, path, port = place.context()
    master = peer(path)
    writer = Writer(master, 2)
    _, replica, log = replica_of(place, port)
    for _ in range(5):
        writer.write(300)
        replica.ask(["CLIENT", "KILL", "TYPE", "master"])
        writer.write(300)
        wait_until(lambda: info(replica)["master_link_status"] == "up", "the link")
    assert master.ask(["WAIT", "1", "30000"]) == 1
    same(master, replica)
    assert count(log, "Full resync from master") == 1
    assert count(log, "Successful partial resynchronization") >= 5
    stats = info(master, "stats")
    assert (stats["sync_full"], stats["sync_partial_err"]) == ("1", "0") and int(stats["sync_partial_ok"]) >= 5


def restarts(place):
    """A replica that restarts has saved where it was, and goes on there."""
    _, path, port = place.context()
    master = peer(path)
    writer = Writer(master, 3)
    child, replica, log = replica_of(place, port, "--dbfilename", "replica.rdb", "--save", "900 1")
    for _ in range(3):
        writer.write(300)
        assert master.ask(["WAIT", "1", "30000"]) == 1
        place.end(child)
        writer.write(300)
        child, replica, log = replica_of(place, port, "--dbfilename", "replica.rdb", "--save", "900 1")
        assert count(log, "Full resync from master") == 0
    assert master.ask(["WAIT", "1", "30000"]) == 1
    same(master, replica)


def too_long_away(place):
    """What it has missed is no longer there: it is sent all."""
    _, path, port = place.context()
    master = peer(path)
    _, replica, log = replica_of(place, port)
    replica.ask(["REPLICAOF", "NO", "ONE"])
    for i in range(30):
        master.ask(["SET", f"key:{i}", "x" * 100_000])
    replica.ask(["REPLICAOF", "127.0.0.1", str(port)])
    wait_until(lambda: info(replica)["master_link_status"] == "up", "the link")
    assert master.ask(["WAIT", "1", "30000"]) == 1
    assert same(master, replica) == 30
    assert count(log, "Full resync from master") == 2


def several(place):
    """Replicas that come at once, and one that follows another."""
    _, path, port = place.context()
    master = peer(path)
    writer = Writer(master, 4)
    writer.write(1000)
    replicas = [place.redis("--replicaof", f"127.0.0.1 {port}") for _ in range(3)]
    writer.write(1000)
    clients = [peer(path) for _, path, _ in replicas]
    for client in clients:
        wait_until(lambda client=client: info(client)["master_link_status"] == "up", "the link")
    writer.write(100)
    assert master.ask(["WAIT", "3", "30000"]) == 3
    for client in clients:
        same(master, client)
    assert len(master.ask(["ROLE"])[1][2][1]) == 3


def wanted(place):
    """Writes that want a replica; one that is stopped does not count for long."""
    _, path, port = place.context()
    master = peer(path)
    master.ask(["CONFIG", "SET", "min-replicas-to-write", "1", "min-replicas-max-lag", "1"])
    assert master.ask(["SET", "a", "1"])[1].startswith(b"NOREPLICAS")
    child, _, _ = replica_of(place, port)
    wait_until(lambda: master.ask(["SET", "a", "1"]) == ("+", b"OK"), "a replica")
    assert info(master)["min_slaves_good_slaves"] == "1"
    child.send_signal(signal.SIGSTOP)
    wait_until(lambda: master.ask(["SET", "a", "2"])[0] == "-", "its lag")
    assert info(master)["min_slaves_good_slaves"] == "0"
    child.send_signal(signal.SIGCONT)
    wait_until(lambda: master.ask(["SET", "a", "3"]) == ("+", b"OK"), "its return")


def length_first(place):
    """A replica that wants to know how long the snapshot is."""
    _, path, port = place.context()
    master = peer(path)
    Writer(master, 5).write(1000)
    assert master.ask(["CONFIG", "SET", "repl-diskless-sync", "no"]) == ("+", b"OK")
    _, replica, log = replica_of(place, port)
    assert master.ask(["WAIT", "1", "30000"]) == 1
    same(master, replica)
    assert count(log, "streamed RDB") == 0


def loaded_by_redis(place):
    """What redis-cli --rdb fetches is a file that a redis-server starts from."""
    _, path, port = place.context()
    master = peer(path)
    Writer(master, 6).write(2000)
    subprocess.run(["redis-cli", "-p", str(port), "--rdb", place.path("fetched.rdb")], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, loaded, _ = place.redis("--dbfilename", "fetched.rdb")
    same(master, peer(loaded))


def redis_cli_replica(place):
    _, path, port = place.context()
    master = peer(path)
    with subprocess.Popen(["redis-cli", "-p", str(port), "--replica"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        wait_until(lambda: info(master)["connected_slaves"] == "1", "the follower")
        master.ask(["SET", "a", "1"])
        master.ask(["SELECT", "3"])
        master.ask(["LPUSH", "b", "x y"])
        said = [child.stdout.readline().strip() for _ in range(4)]
        child.terminate()
    assert said == ['"SELECT","0"', '"SET","a","1"', '"SELECT","3"', '"LPUSH","b","x y"'], said


def slow_one(place):
    """A follower that does not read is dropped, with a reason, and not before its time."""
    _, path, port = place.context()
    master = peer(path)
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"SYNC\r\n")
        wait_until(lambda: info(master)["connected_slaves"] == "1", "the follower")
        value = "x" * 10_000_000
        for _ in range(20):
            master.ask(["SET", "a", value])
        assert info(master)["connected_slaves"] == "1"
        for _ in range(20):
            master.ask(["SET", "a", value])
        wait_until(lambda: info(master)["connected_slaves"] == "0", "its end")
        assert "reason=output buffer limit" in info(master)["last_dropped_slave"]


# a context follows


def is_up(client):
    wait_until(lambda: info(client)["master_link_status"] == "up", "the link")


def caught_up(master, *replicas):
    """All that is said now is known to those at the end of a chain too."""
    end = int(info(master)["master_repl_offset"])
    for replica in replicas:
        wait_until(lambda replica=replica: int(info(replica)["master_repl_offset"]) >= end,
                   "the end of the stream")
        assert "slave_failed_commands" not in info(replica), info(replica)


def redis_master(place):
    _, path, log = place.redis("--repl-diskless-sync-delay", "0")
    return peer(path), "unix:" + path, log


def context_follows_redis(place):
    """With cuts from either side, and what both may do at once."""
    master, url, log = redis_master(place)
    writer = Writer(master, 8)
    writer.write(3000)
    _, path, _ = place.context("--follow", url)
    replica = peer(path)
    writer.write(1000)
    is_up(replica)
    for i in range(6):
        writer.write(300)
        if i % 2:
            master.ask(["CLIENT", "KILL", "TYPE", "replica"])
        else:
            replica.ask(["CLIENT", "KILL", "TYPE", "master"])
        writer.write(300)
        is_up(replica)
    assert master.ask(["WAIT", "1", "30000"]) == 1
    caught_up(master, replica)
    assert same(master, replica) > 5
    assert count(log, "Full resync requested by replica") + count(log, "Starting BGSAVE") <= 2
    assert replica.ask(["SET", "a", "1"])[0] == "-"
    assert replica.ask(["ROLE"])[1][0] == b"slave"


def encodings(place):
    """Values in the forms that a redis-server keeps and packs them in."""
    master, url, _ = redis_master(place)
    master.ask(["SET", "packed", "abc" * 1000])
    master.ask(["SET", "number", "-123456"])
    for i in range(0, 3000, 100):
        master.ask(["RPUSH", "list", *(f"value {i + k}" for k in range(100))])
        master.ask(["SADD", "set", *(f"value {i + k}" for k in range(100))])
        master.ask(["HSET", "hash", *(f"{i + k // 2}.{k % 2}" for k in range(200))])
        master.ask(["ZADD", "zset", *(str(i + k // 2) for k in range(200))])
    master.ask(["SADD", "integers", *(str(i * i) for i in range(300))])
    master.ask(["HSET", "small", "a", "1", "b", "2"])
    master.ask(["ZADD", "scores", "1.5", "a", "-inf", "b"])
    master.ask(["PEXPIREAT", "small", "99999999999999"])
    _, path, _ = place.context("--follow", url)
    replica = peer(path)
    is_up(replica)
    assert same(master, replica) == 9


def chain(place):
    """redis-server, context, context, redis-server: each follows the one before, and the last
    goes on where it was when the first has been away."""
    master, url, _ = redis_master(place)
    writer = Writer(master, 9)
    writer.write(1000)
    _, path, port = place.context("--follow", url)
    second = peer(path)
    is_up(second)
    _, path, _ = place.context()
    third = peer(path)
    _, path, last_port = place.context("--follow", "unix:" + path)
    third.ask(["REPLICAOF", "127.0.0.1", str(port)])
    fourth = peer(path)
    is_up(third)
    is_up(fourth)
    _, last, log = replica_of(place, last_port)
    writer.write(1000)
    caught_up(master, second, third, fourth, last)
    for client in (second, third, fourth, last):
        same(master, client)
    n_full = count(log, "Full resync from master")
    second.ask(["CLIENT", "KILL", "TYPE", "master"])
    writer.write(300)
    third.ask(["CLIENT", "KILL", "TYPE", "master"])
    writer.write(300)
    caught_up(master, second, third, fourth, last)
    same(master, last)
    assert count(log, "Full resync from master") == n_full


def promoted(place):
    """The master is gone, one of its replicas takes its place, and the other goes on there
    without a second snapshot; the old one comes back as a replica."""
    first, path, port = place.context()
    master = peer(path)
    Writer(master, 10).write(500)
    _, path, new_port = place.context()
    heir = peer(path)
    heir.ask(["REPLICAOF", "127.0.0.1", str(port)])
    is_up(heir)
    _, other, log = replica_of(place, port)
    Writer(master, 11).write(500)
    assert master.ask(["WAIT", "2", "30000"]) == 2
    place.end(first)
    heir.ask(["REPLICAOF", "NO", "ONE"])
    assert heir.ask(["ROLE"])[1][0] == b"master"
    other.ask(["REPLICAOF", "127.0.0.1", str(new_port)])
    is_up(other)
    Writer(heir, 12).write(500)
    assert heir.ask(["WAIT", "1", "30000"]) == 1
    same(heir, other)
    assert count(log, "Full resync from master") == 1


def swapped(place):
    """Two contexts exchange their roles, and no snapshot is needed."""
    _, path, port = place.context()
    one = peer(path)
    _, path, other_port = place.context()
    other = peer(path)
    other.ask(["REPLICAOF", "127.0.0.1", str(port)])
    is_up(other)
    Writer(one, 13).write(300)
    assert one.ask(["WAIT", "1", "30000"]) == 1
    other.ask(["REPLICAOF", "NO", "ONE"])
    one.ask(["REPLICAOF", "127.0.0.1", str(other_port)])
    is_up(one)
    Writer(other, 14).write(300)
    assert other.ask(["WAIT", "1", "30000"]) == 1
    caught_up(other, one)
    same(one, other)
    assert info(one)["second_repl_offset"] != "-1"


def redis_at_port(place, *more):
    """One that others can connect to: at an address of this machine that nobody else has."""
    at = "127." + ".".join(str(random.randrange(1, 255)) for _ in range(3))
    _, path, log = place.redis("--port", "6379", "--bind", at, "--replica-announce-ip", at, *more)
    return peer(path), at, log


def handed_over(place):
    """To a redis-server, and back; nobody needs a second snapshot."""
    _, path, port = place.context()
    ours = peer(path)
    ours.ask(["SET", "a", "1"])
    theirs, at, log = redis_at_port(place, "--replicaof", f"127.0.0.1 {port}")
    is_up(theirs)
    Writer(ours, 15).write(300)
    assert ours.ask(["FAILOVER"]) == ("+", b"OK")
    wait_until(lambda: info(theirs)["role"] == "master", "the other master")
    is_up(ours)
    assert (info(ours)["master_failover_state"], info(ours)["master_host"]) == ("no-failover", at)
    Writer(theirs, 16).write(300)
    assert theirs.ask(["WAIT", "1", "30000"]) == 1
    caught_up(theirs, ours)
    same(ours, theirs)
    assert theirs.ask(["FAILOVER", "TO", "127.0.0.1", str(port), "TIMEOUT", "30000"]) == ("+", b"OK")
    wait_until(lambda: info(ours)["role"] == "master", "the first master")
    is_up(theirs)
    Writer(ours, 17).write(300)
    assert ours.ask(["WAIT", "1", "30000"]) == 1
    same(ours, theirs)
    assert count(log, "Full resync from master") == 1
    assert (info(ours, "stats")["sync_full"], info(theirs, "stats")["sync_full"]) == ("1", "0")


def not_handed_over(place):
    """A replica that lacks something: writes wait, until it is given up or too late."""
    _, path, port = place.context()
    master, writer = peer(path), peer(path)
    child, path, other_port = place.context("--follow", f"tcp://127.0.0.1:{port}")
    replica = peer(path)
    is_up(replica)
    child.send_signal(signal.SIGSTOP)
    master.ask(["SET", "a", "1"])
    for way in (["FAILOVER"], ["FAILOVER", "TIMEOUT", "300"]):
        assert master.ask(way) == ("+", b"OK")
        assert info(master)["master_failover_state"] == "waiting-for-sync"
        assert master.ask(["FAILOVER"])[0] == "-"
        assert master.ask(["REPLICAOF", "127.0.0.1", "1"])[0] == "-"
        writer.send(["SET", "a", "2"])
        if len(way) == 1:
            wait_until(lambda: info(master, "clients")["blocked_clients"] == "1", "a write that waits")
            assert master.ask(["FAILOVER", "ABORT"]) == ("+", b"OK")
        assert writer.read() == ("+", b"OK")
        assert info(master)["master_failover_state"] == "no-failover"
    # whatever it lacks, and then it is too late for a write
    assert master.ask(["FAILOVER", "TO", "127.0.0.1", str(other_port), "TIMEOUT", "1", "FORCE"]) == ("+", b"OK")
    wait_until(lambda: info(master)["master_failover_state"] == "failover-in-progress", "the end of its time")
    writer.send(["SET", "a", "3"])
    child.send_signal(signal.SIGCONT)
    assert writer.read()[1].startswith(b"READONLY")
    is_up(master)
    assert info(replica)["role"] == "master"
    replica.ask(["SET", "a", "4"])
    assert replica.ask(["WAIT", "1", "30000"]) == 1
    same(master, replica)
    assert info(master, "stats")["sync_full"] == "1" and info(replica, "stats")["sync_full"] == "0"


def password(place):
    """A master that wants one."""
    _, path, _ = place.redis("--requirepass", "secret", "--repl-diskless-sync-delay", "0")
    master = peer(path)
    master.ask(["AUTH", "secret"])
    master.ask(["SET", "a", "1"])
    _, copy, _ = place.context("--follow", "unix:" + path)
    replica = peer(copy)
    assert info(replica)["master_link_status"] == "down"
    replica.ask(["CONFIG", "SET", "masterauth", "secret"])
    is_up(replica)
    assert replica.ask(["GET", "a"]) == b"1"


# a program follows


def select(copy, at, number):
    if number != at:
        copy.ask(["SELECT", str(number)])
    return number


def as_bytes(word):
    return base64.b64decode(word["base64"]) if isinstance(word, dict) else word


class Follower:
    """Keeps a copy by what `beam context sync` tells."""

    def __init__(self, place, url, copy, *more):
        self.copy, self.db, self.n_gaps, self.position = copy, 0, 0, None
        self.child = subprocess.Popen([place.tool, "context", "sync", "--json", *more, url],
                                      stdout=subprocess.PIPE, text=True)
        place.children.append(self.child)

    def follow_until(self, mark):
        has_come = False
        while not (has_come and self.position):
            line = self.child.stdout.readline()
            assert line, "the follower has ended"
            change = json.loads(line)
            if change["kind"] == "gap":
                self.n_gaps += 1
                self.copy.ask(["FLUSHALL"])
            elif change["kind"] == "command":
                self.db = select(self.copy, self.db, change["db"])
                command = [as_bytes(word) for word in change["command"]]
                self.copy.ask(command)
                has_come = has_come or command == ["SET", "mark", mark]
            self.position = change.get("position")


def set_mark(master):
    """What is written last, and never twice: a master may say more than it is told to, so its offset is no mark."""
    mark = uuid.uuid4().hex
    master.ask(["SELECT", "0"])
    master.ask(["SET", "mark", mark])
    return mark


def follow(place, master, url, cut):
    """The copy is the same, however often the link is cut; and one more goes on at a position."""
    _, path, _ = place.context()
    copy = peer(path)
    writer = Writer(master, 7)
    writer.write(500)
    follower = Follower(place, url, copy)
    writer.write(500)
    # A link that is cut in the snapshot begins anew, with a second gap.
    follower.follow_until(set_mark(master))
    for _ in range(3):
        writer.write(200)
        cut()
        writer.write(200)
        follower.follow_until(set_mark(master))
    assert follower.n_gaps == 1
    assert same(master, copy) > 5
    place.end(follower.child)
    writer.write(200)
    again = Follower(place, url, copy, "--position", follower.position)
    again.follow_until(set_mark(master))
    assert again.n_gaps == 0
    same(master, copy)


def followed_redis(place):
    _, path, _ = place.redis("--repl-diskless-sync-delay", "0")
    master = peer(path)
    follow(place, master, "unix:" + path, lambda: master.ask(["CLIENT", "KILL", "TYPE", "replica"]))


def followed_context(place):
    _, path, _ = place.context()
    master = peer(path)
    follow(place, master, "unix:" + path, lambda: master.ask(["CLIENT", "KILL", "TYPE", "replica"]))


TESTS = [full_then_changes, large_values, cuts, restarts, too_long_away, several, wanted, length_first,
         loaded_by_redis, redis_cli_replica, slow_one, context_follows_redis, encodings, chain, promoted, swapped, handed_over,
         not_handed_over, password,
         followed_redis, followed_context]


def run(tool, test):
    place = Place(tool)
    try:
        test(place)
        return None
    except (AssertionError, EOFError, OSError, subprocess.SubprocessError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        place.close()


def main():
    if not shutil.which("redis-server"):
        print("1..0 # SKIP no redis-server")
        return 0
    tool, names = os.path.abspath(sys.argv[1]), sys.argv[2:]
    tests = [test for test in TESTS if not names or any(name in test.__name__ for name in names)]
    n_bad = 0
    print(f"1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        error = run(tool, test)
        n_bad += error is not None
        if error:
            print(f"# {error[:2000]}")
        print(f"{'not ok' if error else 'ok'} {number} - {test.__name__}", flush=True)
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main())
