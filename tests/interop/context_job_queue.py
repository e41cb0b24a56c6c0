#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Jobs in their queue: when they begin, how often, and how many at once (spec/jobs.md, J26 and on).

    context_job_queue.py TOOL [NAME...]     in TAP; only the tests whose names have one of NAME in them

Each test is run at a redis-server and at a context, as those of context_jobs.py.
"""
import subprocess
import sys
import time

from context_jobs import main, text, values
from context_replication import wait_until

# Fails until it has been tried so often, which a file counts.
FAILS = 'echo again >> "$1"; echo "try $(wc -l < "$1")"; test "$(wc -l < "$1")" -ge "$2"'


def fails(jobs, n, **fields):
    """A job that fails n times and then does not."""
    number = jobs.make("sh", "-c", FAILS, "sh", jobs.place.path("tries"), n + 1, **fields)
    return number


def tries(jobs):
    with open(jobs.place.path("tries"), encoding="ascii") as file:
        return len(file.readlines())


def dead(jobs):
    return [int(number) for number in values(jobs.ask("ZRANGE", "/beam/dead", 0, -1))]


def begin(jobs, number):
    jobs.ask("RPUSH", "/jobs/start", number)
    return number


def milliseconds():
    return int(time.time() * 1000)


def tried_until_it_works(jobs):
    jobs.worker()
    number = begin(jobs, fails(jobs, 3, retry=5, backoff=20, output="log"))
    assert jobs.status(number) == "0"
    facts = jobs.facts(number)
    assert tries(jobs) == 4 and facts["tries"] == "3" and facts["last"] == "exited 1"
    assert facts["exit"] == "exited" and facts["out.1.bytes"] == "6"
    # each try is by itself in the log: its output begins at 0, and its streams end with the last
    entries = [[text(word) for word in values(entry[1][1])]
               for entry in values(jobs.ask("XRANGE", f"/beam/jobs/{number}/log", "-", "+"))]
    again = [["tries", str(n)] for n in (1, 2, 3)]
    assert [entry for entry in entries if entry[0] == "tries"] == again, entries
    for n in range(1, 5):
        assert ["n", "1", "at", "0", "d", f"try {n}\n"] in entries, entries
    assert [entry[1] for entry in entries if entry[-1] == ""] == ["1", "2"], entries
    assert dead(jobs) == []


def tried_too_often(jobs):
    jobs.worker()
    number = begin(jobs, fails(jobs, 9, retry=2, backoff=10))
    assert jobs.status(number) == "1"
    assert tries(jobs) == 3 and jobs.facts(number)["tries"] == "2"
    assert dead(jobs) == [number]
    # who asks for no retry leaves nothing there, and who is not to be tried again does
    jobs.status(jobs.start("sh", "-c", "exit 1"))
    assert dead(jobs) == [number]
    other = jobs.start("sh", "-c", "exit 1", retry=0)
    assert jobs.status(other) == "1"
    refused = jobs.start("nobody", retry=3)
    assert jobs.status(refused) == "refused"
    assert sorted(dead(jobs)) == [number, other, refused]


def cancelled_is_not_tried(jobs):
    jobs.worker()
    number = jobs.start("sh", "-c", "echo ready; cat; exit 1", retry=5, backoff=1)
    jobs.frame(number)
    jobs.ask("RPUSH", f"/beam/jobs/{number}/control", "cancel")
    assert jobs.status(number) == "143"
    assert dead(jobs) == [] and "tries" not in jobs.facts(number)


def second_try_has_no_input(jobs):
    jobs.worker()
    number = jobs.start("sh", "-c", "cat; cat <&3; exit 4", retry=1, backoff=1, inputs="0,3")
    jobs.ask("RPUSH", f"/jobs/{number}/in", "0:hel", "0:", "3:lo", "3:")
    assert jobs.status(number) == "4"
    out = values(jobs.ask("LRANGE", f"/jobs/{number}/out", 0, -1))
    assert b"".join(out[:-2]).replace(b"1:", b"") == b"hello" and out[-2:] == [b"1:", b"2:"], out
    assert jobs.facts(number)["out.1.bytes"] == "0"


def lost_is_tried(jobs):
    """Its worker is killed: another one tries it, once the lease has run out."""
    worker = jobs.worker()
    script = 'test -e "$1" && exit 7; echo > "$1"; echo ready; cat'
    number = jobs.start("sh", "-c", script, "sh", jobs.place.path("begun"), retry=1, backoff=1)
    assert jobs.frame(number) == b"1:ready\n"
    worker.kill()
    worker.wait()
    jobs.worker()
    jobs.ask("DEL", f"/beam/workers/{worker.token}")
    assert jobs.status(number) == "7"
    facts = jobs.facts(number)
    assert facts["last"] == "lost" and facts["tries"] == "1"
    assert dead(jobs) == [number]


def killed_while_it_waits(jobs):
    """A try that is not due yet has no owner: any worker does it."""
    worker = jobs.worker()
    number = begin(jobs, fails(jobs, 1, retry=1, backoff=500))
    wait_until(lambda: jobs.ask("ZCARD", "/beam/later") == 1, "the first try")
    worker.kill()
    worker.wait()
    assert jobs.ask("EXISTS", f"/jobs/{number}") == 0
    jobs.worker()
    assert jobs.status(number) == "0" and tries(jobs) == 2


def not_before(jobs):
    """By a delay, by a time, and by the sorted set alone; what waits has no place at a worker."""
    jobs.worker("--jobs", "1")
    began = milliseconds()
    delayed = jobs.start("true", delay=300)
    timed = jobs.start("true", at=began + 400)
    direct = jobs.make("true")
    jobs.ask("ZADD", "/beam/later", began + 200, direct)
    past = jobs.start("true", at=1)
    assert jobs.status(past) == "0"
    for number, ms in ((delayed, 300), (timed, 400), (direct, 200)):
        assert jobs.status(number) == "0"
        assert int(jobs.facts(number)["began"]) >= began + ms
    assert jobs.ask("EXISTS", "/beam/later") == 0
    # one that is cancelled does not wait until it is due
    number = jobs.make("true", delay=3600000)
    jobs.ask("RPUSH", f"/beam/jobs/{number}/control", "cancel")
    assert jobs.status(begin(jobs, number)) == "cancelled"


def begun_once(jobs):
    """Many that are due at once, and several workers that all look: each is begun once."""
    for _ in range(3):
        jobs.worker()
    numbers = [jobs.make("echo", str(n)) for n in range(200)]
    due = milliseconds() + 200
    for number in numbers:
        jobs.ask("ZADD", "/beam/later", due, number)
    for n, number in enumerate(numbers):
        assert jobs.status(number) == "0"
        assert sorted(values(jobs.ask("LRANGE", f"/jobs/{number}/out", 0, -1))) == sorted(
            [b"1:%d\n" % n, b"1:", b"2:"])
        assert int(jobs.facts(number)["began"]) >= due
    assert jobs.ask("LLEN", "/jobs/start") == 0


def run_with_retry(jobs):
    """As a person has it: what each try prints, and the status of the last."""
    jobs.worker()

    def run(*words):
        return subprocess.run([jobs.place.tool, "run", *words[:-1], "unix:" + jobs.path, "--", *words[-1]],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)

    script = ["sh", "-c", FAILS, "sh", jobs.place.path("tries"), "3"]
    done = run("--retry", "4", "--backoff", "0.01", "--verbose", script)
    assert done.returncode == 0 and done.stdout == "try 1\ntry 2\ntry 3\n", done
    assert done.stderr.count("is tried again") == 2, done
    began = time.monotonic()
    assert run("--delay", "0.3", ["true"]).returncode == 0
    assert time.monotonic() - began >= 0.3
    assert run("--retry", "x", ["true"]).returncode == 2


TESTS = [tried_until_it_works, tried_too_often, cancelled_is_not_tried, second_try_has_no_input, lost_is_tried,
         killed_while_it_waits, not_before, begun_once, run_with_retry]

if __name__ == "__main__":
    sys.exit(main(TESTS))
