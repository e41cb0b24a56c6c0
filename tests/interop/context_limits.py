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
    return said


TESTS = [parameters, too_many, too_silent]


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
