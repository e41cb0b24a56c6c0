#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Jobs between `beam worker`, plain clients of Redis, and a real redis-server or a context.

    context_jobs.py TOOL [NAME...]     in TAP; only the tests whose names have one of NAME in them

Each test is run at both. What is waited for is said by the keys (spec/jobs.md), or by the kernel.
"""
import os
import shutil
import signal
import subprocess
import sys
import traceback

from context_replication import Place, pairs, peer, wait_until

ALLOWED = "sh,cat,echo,true,seq,sleep"


class Jobs:
    """A server, and a client of it that starts jobs."""

    def __init__(self, place, kind):
        self.place = place
        self.path = (place.redis() if kind == "redis" else place.context())[1]
        self.client = peer(self.path)

    def restart(self):
        """The server anew, where it was and with nothing in it."""
        self.place.end(self.server)
        self.server = self.place.again(self.path, self.kind)
        self.client = peer(self.path)

    def ask(self, *words):
        return self.client.ask([str(word) for word in words])

    def worker(self, *more, allow=ALLOWED):
        """Returns it once it takes jobs."""
        known = set(self.members("/beam/workers"))
        child = subprocess.Popen([self.place.tool, "worker", "unix:" + self.path, "--allow", allow, *more],
                                 stderr=subprocess.DEVNULL)
        self.place.children.append(child)
        wait_until(lambda: set(self.members("/beam/workers")) - known, "a worker")
        child.token = (set(self.members("/beam/workers")) - known).pop()
        for name in (each.split("=")[0] for each in allow.split(",")):
            wait_until(lambda name=name: child.token in self.members(f"/beam/names/{name}"), "its names")
        return child

    def members(self, key):
        return [text(value) for value in values(self.ask("SMEMBERS", key))]

    def make(self, *argv, **fields):
        number = self.ask("RPUSH", "/jobs", argv[0]) - 1
        self.ask("RPUSH", f"/jobs/{number}/args", *argv)
        for field, value in fields.items():
            self.ask("HSET", f"/beam/jobs/{number}", field, value)
        return number

    def start(self, *argv, **fields):
        number = self.make(*argv, **fields)
        self.ask("RPUSH", "/jobs/start", number)
        return number

    def status(self, number):
        self.ask("BLMOVE", f"/jobs/{number}/wait", f"/jobs/{number}/wait", "LEFT", "LEFT", 0)
        return text(self.ask("GET", f"/jobs/{number}/status"))

    def frame(self, number):
        return values(self.ask("BLPOP", f"/jobs/{number}/out", 0))[1]

    def facts(self, number):
        return {text(key): text(value) for key, value in pairs(self.ask("HGETALL", f"/beam/jobs/{number}")).items()}


def values(reply):
    return reply[1]


def text(value):
    return value.decode() if value is not None else None


def is_gone(pid):
    """A process that has ended, whether anybody has waited for it or not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def resident(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def as_the_seed_says(jobs):
    """By redis-cli, word by word; where the server does not know SET, as the later text has it."""
    def cli(*words):
        return subprocess.run(["redis-cli", "-s", jobs.path, *words], check=True, capture_output=True,
                              text=True).stdout.strip()

    jobs.worker()
    assert cli("RPUSH", "/jobs", "cat") == "1"
    cli("RPUSH", "/jobs/0/args", "cat", "-", "/dev/null")
    cli("HSET", "/jobs/0/env", "DEBUG", "1")
    if jobs.kind == "redis":
        cli("RPUSH", "/jobs/start", "0")
    else:
        assert cli("SET", "/jobs/0", "") == "OK"
    cli("RPUSH", "/jobs/0/in", "0:hello: world")
    assert cli("BLPOP", "/jobs/0/out", "0") == "/jobs/0/out\n1:hello: world"
    cli("RPUSH", "/jobs/0/in", "0:")
    assert cli("BLPOP", "/jobs/0/wait", "0") == "/jobs/0/wait\n0"
    assert cli("GET", "/jobs/0/status") == "0"
    assert sorted(cli("LRANGE", "/jobs/0/out", "0", "-1").split()) == ["1:", "2:"]


def worker_killed(jobs):
    worker = jobs.worker()
    number = jobs.start("sh", "-c", "echo ready; cat")
    assert jobs.frame(number) == b"1:ready\n"
    pid = int(jobs.facts(number)["pid"])
    other = jobs.worker()
    worker.kill()
    worker.wait()
    # what it ran dies with it; that it is lost is known once its lease has run out
    wait_until(lambda: is_gone(pid), "the end of the process")
    jobs.ask("DEL", f"/beam/workers/{worker.token}")
    assert jobs.status(number) == "lost"
    assert jobs.facts(number)["exit"] == "lost"
    wait_until(lambda: jobs.members("/beam/workers") == [other.token], "that it is forgotten")
    assert jobs.members("/beam/names/sh") == [other.token]


def process_killed(jobs):
    jobs.worker()
    number = jobs.start("sh", "-c", "echo ready; read x")
    jobs.frame(number)
    os.kill(int(jobs.facts(number)["pid"]), signal.SIGKILL)
    assert jobs.status(number) == "137"


def taken_and_not_begun(jobs):
    """A worker that takes a job and is lost before it owns it: another one runs it."""
    number = jobs.make("echo", "again")
    jobs.ask("SADD", "/beam/workers", "gone")
    jobs.ask("RPUSH", "/beam/workers/gone/taken", number)
    jobs.worker()
    assert jobs.status(number) == "0"
    wait_until(lambda: "gone" not in jobs.members("/beam/workers"), "that it is forgotten")


def lost_its_lease(jobs):
    """A worker whose lease ran out ends what it runs, and begins anew."""
    worker = jobs.worker()
    number = jobs.start("sh", "-c", "echo ready; cat")
    jobs.frame(number)
    pid = int(jobs.facts(number)["pid"])
    jobs.ask("DEL", f"/beam/workers/{worker.token}")
    wait_until(lambda: is_gone(pid), "the end of the process")
    assert jobs.status(number) == "lost"
    # by the same program, under another name
    assert jobs.status(jobs.start("true")) == "0"
    assert worker.poll() is None
    wait_until(lambda: worker.token not in jobs.members("/beam/names/true"), "that it is forgotten")


def lock_taken_away(jobs):
    """Who does not hold the lock any more does not end the job."""
    worker = jobs.worker()
    number = jobs.start("sh", "-c", "echo ready; read x")
    jobs.frame(number)
    jobs.ask("SET", f"/jobs/{number}", "somebody")
    jobs.ask("RPUSH", f"/jobs/{number}/in", "0:\n")
    wait_until(lambda: jobs.ask("LLEN", f"/beam/workers/{worker.token}/taken") == 0, "that it has ended")
    assert jobs.ask("EXISTS", f"/jobs/{number}/status") == 0
    assert jobs.status(jobs.start("true")) == "0"


def plain_worker(jobs):
    """One that knows the later text alone, beside ours, which does not serve its name."""
    jobs.worker(allow="true")
    plain = peer(jobs.path)
    plain.ask(["SET", "/beam/workers/plain", "1"])
    plain.ask(["SADD", "/beam/names/upper", "plain"])
    number = jobs.make("upper", "shout")
    jobs.ask("RPUSH", "/jobs/start", number)
    # it comes by way of ours, or at once
    taken = values(plain.ask(["BLPOP", "/jobs/start", "/beam/queue/upper", "0"]))[1]
    assert int(taken) == number
    assert plain.ask(["SETNX", f"/jobs/{number}", "plain"]) == 1
    plain.ask(["RPUSH", f"/jobs/{number}/out", "1:SHOUT\n", "1:", "2:"])
    plain.ask(["SET", f"/jobs/{number}/status", "0"])
    plain.ask(["RPUSH", f"/jobs/{number}/wait", str(number)])
    assert jobs.status(number) == "0"
    assert jobs.status(jobs.start("true")) == "0"


def names_apart(jobs):
    """Two workers that serve nothing in common: each job comes to the one that can run it."""
    one, two = jobs.worker(allow="true"), jobs.worker(allow="echo")
    numbers = [jobs.start(name) for name in ["true", "echo"] * 20]
    assert [jobs.status(number) for number in numbers] == ["0"] * 40
    by = {jobs.facts(number)["worker"] for number in numbers[::2]}
    assert by == {one.token}
    assert {jobs.facts(number)["worker"] for number in numbers[1::2]} == {two.token}
    # what is queued for who is gone is refused
    two.send_signal(signal.SIGKILL)
    two.wait()
    number = jobs.start("echo")
    jobs.ask("DEL", f"/beam/workers/{two.token}")
    assert jobs.status(number) == "refused"
    assert jobs.facts(number)["why"] == "no such name: echo"


def thousand(jobs):
    """Short ones, by several workers with few places: each ends once, and well."""
    for _ in range(3):
        jobs.worker("--jobs", "3")
    numbers = [jobs.start("sh", "-c", f"echo {n}") for n in range(1000)]
    for n, number in enumerate(numbers):
        assert jobs.status(number) == "0"
        out = values(jobs.ask("LRANGE", f"/jobs/{number}/out", 0, -1))
        assert sorted(out) == sorted([b"1:%d\n" % n, b"1:", b"2:"]), out
        assert len(values(jobs.ask("LRANGE", f"/jobs/{number}/wait", 0, -1))) == 1
    for token in jobs.members("/beam/workers"):
        wait_until(lambda token=token: values(jobs.ask("LRANGE", f"/beam/workers/{token}/taken", 0, -1)) == [],
                   "that they are done with")


def held_up(jobs):
    """Nobody reads: the process waits, and the worker's memory does not grow."""
    worker = jobs.worker()
    number = jobs.start("cat", "/dev/zero", keep=8 << 20)
    wait_until(lambda: jobs.ask("LLEN", f"/jobs/{number}/out") * 65536 >= 8 << 20, "a full list")
    before, most = resident(worker.pid), 0
    for _ in range(600):
        jobs.frame(number)
        most = max(most, resident(worker.pid))
    assert most - before < 16 << 20, f"{before} bytes have become {most}"
    jobs.ask("RPUSH", f"/beam/jobs/{number}/control", "cancel")
    while jobs.ask("EXISTS", f"/jobs/{number}/status") == 0:
        jobs.ask("LPOP", f"/jobs/{number}/out")
    assert jobs.status(number) == "143"


def all_of_it(jobs):
    """What comes out is what was written, and as much as is said."""
    jobs.worker()
    number = jobs.start("seq", "1", "300000")
    got, ended = b"", 0
    while ended < 2:
        stream, data = jobs.frame(number).split(b":", 1)
        got += data if stream == b"1" else b""
        ended += not data
    assert got == b"".join(b"%d\n" % n for n in range(1, 300001))
    assert jobs.status(number) == "0"
    assert int(jobs.facts(number)["out.1.bytes"]) == len(got)


def cancelled_tree(jobs):
    """All that it started goes, in another session too."""
    jobs.worker("--jobs", "2")
    number = jobs.start("sh", "-c", "setsid sleep 1000 & sleep 1000 & echo $!; echo ready; wait", grace=100)
    out = b""
    while b"ready" not in out:
        out += jobs.frame(number)[2:]
    pids = [int(jobs.facts(number)["pid"]), int(out.split()[0])]
    jobs.ask("RPUSH", f"/beam/jobs/{number}/control", "cancel")
    assert jobs.status(number) == "143"
    assert all(is_gone(pid) for pid in pids)


def stops_in_order(jobs):
    """At SIGTERM what runs goes on, and nothing more is taken; told once more it is ended."""
    worker = jobs.worker("--grace", "1000")
    one = jobs.start("sh", "-c", "echo ready; read x; exit 3")
    two = jobs.start("sh", "-c", "echo ready; cat")
    jobs.frame(one)
    jobs.frame(two)
    worker.send_signal(signal.SIGTERM)
    jobs.ask("RPUSH", f"/jobs/{one}/in", "0:\n")
    assert jobs.status(one) == "3"
    worker.send_signal(signal.SIGTERM)
    assert jobs.status(two) == "143"
    assert worker.wait() == 0
    assert jobs.members("/beam/workers") == [worker.token]
    jobs.worker()
    wait_until(lambda: worker.token not in jobs.members("/beam/workers"), "that it is forgotten")


def server_gone(jobs):
    """Without the server nothing runs; with it there again, jobs are taken as before."""
    if jobs.kind != "redis":
        return
    worker = jobs.worker()
    number = jobs.start("sh", "-c", "echo ready; cat")
    jobs.frame(number)
    pid = int(jobs.facts(number)["pid"])
    jobs.place.end(jobs.server)
    wait_until(lambda: is_gone(pid), "the end of the process")
    assert worker.poll() is None


def nobody_there(jobs):
    tool, nowhere = jobs.place.tool, "unix:" + jobs.place.path("nowhere")
    for argv, status in ((["worker", nowhere, "--allow", "sh"], 3), (["worker", nowhere], 2),
                         (["worker", "--allow", "sh"], 2), (["worker", "nonsense", "--allow", "sh"], 2),
                         (["worker", nowhere, "--allow", "no-such-program"], 2),
                         (["worker", nowhere, "--allow", "sh,sh"], 2),
                         (["worker", nowhere, "--allow", "sh", "--jobs", "0"], 2)):
        done = subprocess.run([tool, *argv], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == status and done.stderr, (argv, done)


TESTS = [as_the_seed_says, worker_killed, process_killed, taken_and_not_begun, lost_its_lease, lock_taken_away,
         plain_worker, names_apart, thousand, held_up, all_of_it, cancelled_tree, stops_in_order, server_gone,
         nobody_there]


def run(tool, test, kind):
    place = Place(tool)
    try:
        jobs = Jobs(place, kind)
        jobs.kind, jobs.server = kind, place.children[0]
        test(jobs)
    except Exception:  # what went wrong is told, and the next test begins
        return traceback.format_exc()
    finally:
        place.close()
    return None


def main(all_tests):
    if not shutil.which("redis-server"):
        print("1..0 # SKIP no redis-server")
        return 0
    tool, names = os.path.abspath(sys.argv[1]), sys.argv[2:]
    tests = [(test, kind) for test in all_tests for kind in ("redis", "context")
             if not names or any(name in test.__name__ for name in names)]
    n_bad = 0
    print(f"1..{len(tests)}")
    for number, (test, kind) in enumerate(tests, 1):
        error = run(tool, test, kind)
        n_bad += error is not None
        for line in (error or "").splitlines():
            print(f"# {line}")
        print(f"{'not ok' if error else 'ok'} {number} - {test.__name__} at a {kind}", flush=True)
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main(TESTS))
