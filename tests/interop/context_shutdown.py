#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SHUTDOWN, here and of a redis-server: the same answers, and the same is there afterwards.

    context_shutdown.py TOOL [NAME...]      in TAP; only the tests whose names have one of NAME in them
"""
import os
import shutil
import signal
import subprocess
import sys

from context_replication import Place, info, peer, wait_until


class Side:
    """A context or a redis-server that saves by rule, and what has been seen of it."""

    def __init__(self, place, is_ours):
        self.place, self.is_ours = place, is_ours
        self.home = place.path("ours" if is_ours else "theirs")
        self.seen = []
        os.mkdir(self.home)
        self.begin()

    def begin(self):
        path = self.home + "/socket"
        if self.is_ours:
            argv = [self.place.tool, "context", "serve", "--file", self.home + "/dump.rdb", "unix:" + path]
        else:
            argv = ["redis-server", "--port", "0", "--unixsocket", path, "--dir", self.home, "--save", "3600 1",
                    "--repl-diskless-sync-delay", "0"]
        self.child = self.place.start(argv, path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.path = path
        self.client = peer(path)
        # it listens before it has loaded what there is
        wait_until(lambda: self.client.ask(["PING"]) == ("+", b"PONG"), "the beginning")

    def ask(self, *words):
        try:
            self.seen.append(self.client.ask(words))
        except (EOFError, ConnectionError):
            self.seen.append("the end")

    def end(self):
        """With what status, and is there a dump?"""
        self.seen += [self.child.wait(60), os.path.exists(self.home + "/dump.rdb")]
        self.client.socket.close()

    def follower(self):
        """One that has stopped, and lacks a change."""
        child, path, _ = self.place.context("--follow", "unix:" + self.path)
        client = peer(path)
        wait_until(lambda: info(client)["master_link_status"] == "up", "the link")
        self.ask("SET", "a", "1")
        self.seen.append(self.client.ask(["WAIT", "1", "30000"]))
        client.socket.close()
        child.send_signal(signal.SIGSTOP)
        self.ask("SET", "a", "2")
        return child


def words(side):
    for line in ("x", "ABORT", "NOW ABORT", "SAVE NOSAVE", "NOSAVE FORCE x"):
        side.ask("SHUTDOWN", *line.split())
    for line in ("MULTI", "SHUTDOWN", "EXEC", "PING"):
        side.ask(line)


def by_rule(side):
    side.ask("SET", "a", "1")
    side.ask("SHUTDOWN", "NOW", "NOW")
    side.end()
    side.begin()
    side.ask("GET", "a")


def nosave(side):
    side.ask("SET", "a", "1")
    side.ask("SHUTDOWN", "NOSAVE")
    side.end()


def without_rules(side):
    side.ask("CONFIG", "SET", "save", "")
    side.ask("SET", "a", "1")
    side.ask("SHUTDOWN")
    side.end()
    side.begin()
    side.ask("CONFIG", "SET", "save", "")
    side.ask("SET", "b", "1")
    side.ask("SHUTDOWN", "SAVE")
    side.end()


def not_to_be_saved(side):
    os.mkdir(side.home + "/dump.rdb")
    side.ask("SET", "a", "1")
    side.ask("SHUTDOWN")
    side.ask("SET", "a", "2")
    side.ask("SHUTDOWN", "FORCE")
    side.end()


def waits(side):
    """For a replica, while nothing is changed; until somebody says otherwise, or it has all."""
    child = side.follower()
    writer, judge = peer(side.path), peer(side.path)
    side.client.send(["SHUTDOWN", "NOSAVE"])
    wait_until(lambda: "shutdown_in_milliseconds" in info(judge, "server"), "the wait")
    writer.send(["SET", "a", "3"])
    wait_until(lambda: info(judge, "clients")["blocked_clients"] == "2", "a write that waits")
    side.seen += [judge.ask(["GET", "a"]), judge.ask(["SHUTDOWN", "ABORT"]), side.client.read(), writer.read()]
    side.seen += [judge.ask(["GET", "a"]), "shutdown_in_milliseconds" in info(judge, "server")]
    # another one: redis-server 7.0 fails when the same asks again
    writer.send(["SHUTDOWN", "NOSAVE"])
    wait_until(lambda: "shutdown_in_milliseconds" in info(judge, "server"), "the wait")
    child.send_signal(signal.SIGCONT)
    side.end()


def waits_no_longer(side):
    side.follower()
    side.ask("CONFIG", "SET", "shutdown-timeout", "1")
    side.ask("SHUTDOWN")
    side.end()


def now(side):
    side.follower()
    side.ask("SHUTDOWN", "NOW", "NOSAVE")
    side.end()


TESTS = [words, by_rule, nosave, without_rules, not_to_be_saved, waits, waits_no_longer, now]


def run(tool, test, is_ours):
    place = Place(tool)
    try:
        side = Side(place, is_ours)
        test(side)
        return side.seen
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
        ours, theirs = run(tool, test, True), run(tool, test, False)
        n_bad += ours != theirs
        if ours != theirs:
            print(f"# ours:   {ours!r}\n# theirs: {theirs!r}")
        print(f"{'not ok' if ours != theirs else 'ok'} {number} - {test.__name__}", flush=True)
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main())
