#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Connections that are too many, or too silent: what becomes of them here and at a redis-server.

    context_limits.py TOOL      in TAP
"""
import os
import socket
import sys

from context_oracle import Peer, serve_both


def fields(peer, *names):
    text = peer.ask(["INFO"])
    found = dict(line.split(":", 1) for line in text.decode().splitlines() if ":" in line)
    return [found[name] for name in names]


def all_said(path):
    """What a connection hears that says nothing, up to its end."""
    with socket.socket(socket.AF_UNIX) as silent:
        silent.settimeout(60)
        silent.connect(path)
        with silent.makefile("rb") as file:
            return file.read()


def too_many(path):
    judge = Peer(path, 2)
    said = [judge.ask(["CONFIG", "SET", "maxclients", n]) for n in ("0", "x", "2")]
    one = Peer(path, 2)
    said += [one.ask(["PING"]), all_said(path), all_said(path), one.ask(["PING"])]
    said.append(fields(judge, "maxclients", "connected_clients", "rejected_connections"))
    said += [judge.ask(["CONFIG", "SET", "maxclients", "10000"]), Peer(path, 2).ask(["PING"])]
    return said


def too_silent(path):
    """Who waits for something may be silent."""
    waiter, listener = Peer(path, 2), Peer(path, 2)
    waiter.send(["BLPOP", "list", "0"])
    said = [listener.ask(["SUBSCRIBE", "channel"])]
    said.append(Peer(path, 2).ask(["CONFIG", "SET", "timeout", "1"]))
    said += [all_said(path), all_said(path)]
    judge = Peer(path, 2)
    said += [judge.ask(["CONFIG", "SET", "timeout", "0"]), judge.ask(["RPUSH", "list", "a"])]
    said += [waiter.read(), judge.ask(["PUBLISH", "channel", "b"]), listener.read()]
    return said


def parameters(path):
    peer, said = Peer(path, 2), []
    for name in ("maxclients", "timeout", "tcp-keepalive", "min-replicas-to-write", "min-slaves-to-write",
                 "min-replicas-max-lag", "min-slaves-max-lag", "shutdown-timeout"):
        said += [peer.ask(["CONFIG", "GET", name]), peer.ask(["CONFIG", "SET", name, "-1"])]
    for name in ("active-expire-effort", "activerehashing", "dynamic-hz", "lazyfree-lazy-eviction",
                 "lazyfree-lazy-expire", "lazyfree-lazy-server-del", "lazyfree-lazy-user-del",
                 "lazyfree-lazy-user-flush", "list-compress-depth", "repl-diskless-sync-delay"):
        for value in ("yes", "1", "-1", "99"):
            said += [peer.ask(["CONFIG", "GET", name]), peer.ask(["CONFIG", "SET", name, value])]
    return said


def line_of(text, *values):
    """The names of all fields of a line of CLIENT LIST in their order, and some of the values."""
    found = [field.split(b"=", 1) for field in text.split()]
    return [name for name, _ in found], [dict(found)[name] for name in values]


def clients(path):
    """What is told of one that asks, queues, waits and leaves an answer unread."""
    judge, other = Peer(path, 2), Peer(path, 3)
    shown = (b"flags", b"multi", b"qbuf", b"argv-mem", b"obl", b"oll", b"omem", b"events", b"cmd", b"redir", b"resp")
    said = [line_of(judge.ask(["CLIENT", verb]), *shown) for verb in ("INFO", "LIST")]
    ident = str(other.ask(["CLIENT", "ID"]))
    other.ask(["MULTI"])
    other.ask(["SET", "k", "v"])
    said.append(line_of(judge.ask(["CLIENT", "LIST", "ID", ident]), b"multi", b"argv-mem", b"qbuf", b"events"))
    other.ask(["DISCARD"])
    other.send(["ECHO", "some"])
    other.send(["CLIENT", "INFO"])
    said += [other.read(), line_of(other.read(), b"oll", b"omem", b"resp")]
    said.append(judge.ask(["CLIENT", "LIST", "ID", "999", "998"]))
    return said


def unread(path):
    """An answer that nobody reads is counted, and waits for being written."""
    judge, reader = Peer(path, 2), Peer(path, 2)
    ident = str(reader.ask(["CLIENT", "ID"]))
    judge.ask(["SET", "big", "x" * (1 << 24)])
    reader.send(["GET", "big"])
    reader.socket.recv(1, socket.MSG_PEEK)
    oll, omem, events = line_of(judge.ask(["CLIENT", "LIST", "ID", ident]), b"oll", b"omem", b"events")[1]
    said = [int(oll) > 0, int(omem) > 1 << 20, events, len(reader.read())]
    reader.ask(["PING"])
    said.append(line_of(judge.ask(["CLIENT", "LIST", "ID", ident]), b"oll", b"omem", b"events")[1])
    return said


def turns(path):
    """How often a server looks after itself is bounded, whatever is said."""
    peer, said = Peer(path, 2), []
    for hz in ("0", "-1", "5000", "10"):
        said += [peer.ask(["CONFIG", "SET", "hz", hz]), peer.ask(["CONFIG", "GET", "hz"]), fields(peer, "hz")]
    return said


def traffic(path):
    """Bytes that come and go are counted; INFO's own answer is not there yet when it is made."""
    peer, said = Peer(path, 2), []
    names = "total_net_input_bytes", "total_reads_processed", "total_writes_processed"
    before = fields(peer, *names)
    peer.ask(["ECHO", "x" * 1000])
    after = fields(peer, *names)
    said.append([int(b) - int(a) for a, b in zip(before, after)])
    return said


TESTS = [turns, traffic, parameters, too_many, too_silent, clients, unread]


def compare(ours, theirs):
    n_bad = 0
    print(f"1..{len(TESTS)}")
    for number, test in enumerate(TESTS, 1):
        a, b = test(ours), test(theirs)
        n_bad += a != b
        if a != b:
            print(f"# ours:   {a!r}\n# theirs: {b!r}")
        print(f"{'not ok' if a != b else 'ok'} {number} - {test.__name__}", flush=True)
    return n_bad == 0


if __name__ == "__main__":
    sys.exit(not serve_both(os.path.abspath(sys.argv[1]), compare))
