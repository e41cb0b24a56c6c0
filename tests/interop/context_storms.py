#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Jobs while everything around them is killed, comes and goes: nothing hangs, no status is one that
it was not, and no process is left.

    context_storms.py TOOL [NAME...]     in TAP; only the tests whose names have one of NAME in them

Who is killed and when is chosen by chance, and the same in each run; BEAM_TEST_SEED changes it. Moments
are counted in bytes of output, not in time.
"""
import os
import pwd
import random
import signal
import subprocess
import sys
import threading

import context_jobs
from context_replication import wait_until

# No child of its own: those of a worker that is killed are not the kernel's to end.
COUNTING = "echo $$; i=0; while [ $i -lt 8000 ]; do echo $i; i=$((i+1)); done; exit 7"
COUNTED = b"".join(b"%d\n" % n for n in range(8000))


def chance():
    return random.Random(int(os.environ.get("BEAM_TEST_SEED", "1")))


def spawn(jobs, *argv, **more):
    child = subprocess.Popen([jobs.place.tool, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, **more)
    jobs.place.children.append(child)
    return child


def finish(jobs, child):
    jobs.place.children.remove(child)
    child.stdout.close()
    child.stderr.close()
    return child.wait()


def all_processes_of(tokens):
    """Those that have the mark of one of these workers."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                marked = any(b"BEAM_JOB_MARK=%s-" % token.encode() in file.read() for token in tokens)
        except OSError:
            continue
        if marked and not context_jobs.is_gone(pid):
            found.append(int(pid))
    return found


class Run(threading.Thread):
    """A `beam run` of COUNTING, at which somebody is killed when so much of it has come."""

    def __init__(self, jobs, victim, moment):
        super().__init__()
        self.jobs, self.victim, self.moment = jobs, victim, moment
        self.child = spawn(jobs, "run", "--wait", "unix:" + jobs.path, "--", "sh", "-c", COUNTING)
        self.start()

    def run(self):
        out = self.child.stdout
        first = out.readline()
        self.pid = int(first) if first.endswith(b"\n") else None
        self.got = out.read(self.moment)
        if len(self.got) == self.moment and self.pid:
            self.victim(self)
        self.got += out.read()
        self.said = self.child.stderr.read().decode()
        self.status = finish(self.jobs, self.child)


def nobody(_run):
    pass


def client(run):
    run.child.kill()


def process(run):
    try:
        os.kill(run.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def check(run, may_be_lost):
    """What is said of it is what has been."""
    assert COUNTED.startswith(run.got), f"{len(run.got)} bytes of something else"
    if run.status == 7:
        assert run.got == COUNTED, f"{len(run.got)} bytes pass for all of it"
    elif run.status == 137:
        assert run.victim == process, run.said
    elif run.status == -signal.SIGKILL:
        assert run.victim == client
    else:
        assert run.status == 255 and may_be_lost and run.said, (run.status, run.said)


def killed_at_random(jobs):
    """Clients, processes and workers, in the midst of what they do."""
    dice = chance()
    workers = [jobs.worker() for _ in range(2)]
    tokens = [worker.token for worker in workers]
    guard = threading.Lock()

    def worker(_run):
        with guard:
            victim = workers.pop()
            victim.kill()
            victim.wait()
            jobs.place.children.remove(victim)

    for _ in range(3):
        victims = [dice.choice([nobody, client, process]) for _ in range(5)] + [worker]
        dice.shuffle(victims)
        runs = [Run(jobs, victim, dice.randrange(len(COUNTED))) for victim in victims]
        # who is killed gets no lease any more: those that wait for it to end have waited long enough
        wait_until(lambda: len(workers) == 1 or not any(run.is_alive() for run in runs), "the end of a worker")
        for token in set(tokens) - {worker.token for worker in workers}:
            jobs.ask("DEL", f"/beam/workers/{token}")
        for run in runs:
            run.join(60)
            assert not run.is_alive(), f"hangs: a run with {run.victim.__name__} killed"
            check(run, may_be_lost=True)
        if len(workers) < 2:
            workers.append(jobs.worker())
            tokens.append(workers[-1].token)
    settle(jobs, tokens)


def settle(jobs, tokens):
    """Those whose clients were killed are cancelled, as soon as they count as gone; then nothing is left."""
    for number in range(jobs.ask("LLEN", "/jobs")):
        if jobs.ask("EXISTS", f"/beam/jobs/{number}") and not jobs.ask("EXISTS", f"/jobs/{number}/status"):
            jobs.ask("DEL", f"/beam/jobs/{number}/owner")
            jobs.status(number)
    wait_until(lambda: not all_processes_of(tokens), "the end of all processes")
    assert jobs.status(jobs.start("true")) == "0"


def server_killed(jobs):
    """And it comes back with nothing: clients say so, and workers begin anew."""
    dice = chance()
    worker = jobs.worker()
    moments = [dice.randrange(len(COUNTED)) for _ in range(4)]
    killed = threading.Event()

    def kill_server(_run):
        jobs.server.kill()
        killed.set()

    def wait_for_it(_run):
        killed.wait(60)

    runs = [Run(jobs, wait_for_it, moment) for moment in moments[:3]] + [Run(jobs, kill_server, moments[3])]
    for run in runs:
        run.join(60)
        assert not run.is_alive(), "hangs, as its server was killed"
        assert COUNTED.startswith(run.got)
        # what had come whole before may be known whole
        assert run.status == 255 or (run.status == 7 and run.got == COUNTED), (run.status, run.said)
    jobs.server.wait()
    wait_until(lambda: not all_processes_of([worker.token]), "the end of all processes")
    jobs.restart()
    assert jobs.status(jobs.start("true")) == "0"
    assert worker.poll() is None


def ten_thousand(jobs):
    """Short ones: each ends once, and well."""
    if jobs.kind == "redis":
        return
    jobs.worker()
    n = 10000
    for at in range(0, n, 100):
        jobs.ask("RPUSH", "/jobs", *["true"] * 100)
        jobs.ask("RPUSH", "/jobs/start", *range(at, at + 100))
    for number in range(n):
        assert jobs.status(number) == "0", number
    for number in range(n):
        assert jobs.ask("LLEN", f"/jobs/{number}/wait") == 1, number
    wait_until(lambda: not jobs.ask("EXISTS", f"/beam/workers/{jobs.members('/beam/workers')[0]}/taken"),
               "that they are done with")


class Watcher(threading.Thread):
    """Looks on at a job as `beam job attach` does, to its end or until so much has come."""

    def __init__(self, jobs, number, moments):
        super().__init__()
        self.jobs, self.number, self.moments = jobs, number, moments
        self.seen = []
        self.start()

    def run(self):
        for moment in [*self.moments, None]:
            child = spawn(self.jobs, "job", "attach", "unix:" + self.jobs.path, str(self.number))
            if moment is not None:
                got = child.stdout.read(moment)
                child.send_signal(signal.SIGINT)
                got += child.stdout.read()
            else:
                got = child.stdout.read()
            said = child.stderr.read().decode()
            self.seen.append((got, said, finish(self.jobs, child)))


def watched_by_ten(jobs):
    """They come and go; who stays sees all, and nobody sees something else than there was."""
    dice = chance()
    jobs.worker()
    whole = b"".join(b"%d\n" % n for n in range(1, 400001))
    number = jobs.start("sh", "-c", "read x; seq 1 400000; exit 5", output="log", keep=1 << 20)
    readers = f"/beam/jobs/{number}/readers"
    watchers = [Watcher(jobs, number, []) for _ in range(3)]
    wait_until(lambda: jobs.ask("SCARD", readers) == 3, "those who stay")
    watchers += [Watcher(jobs, number, [dice.randrange(len(whole) // 2) for _ in range(3)]) for _ in range(7)]
    jobs.ask("RPUSH", f"/jobs/{number}/in", "0:\n", "0:")
    for watcher in watchers:
        watcher.join(60)
        assert not watcher.is_alive(), "a watcher hangs"
    assert jobs.status(number) == "5"
    for watcher in watchers[:3]:
        got, said, status = watcher.seen[0]
        assert (len(got), status) == (len(whole), 5) and got == whole, (len(got), said, status)
    for watcher in watchers[3:]:
        for got, said, status in watcher.seen:
            # from where it came in on; what had been removed before is told
            assert got in whole, f"{len(got)} bytes that were not there; {said}"
            assert status != 5 or got == whole, (len(got), said)
            assert status != 255 or said


def sixteen_streams(jobs):
    """Beside one another, each whole and in its order, and none mistaken for another."""
    jobs.worker(allow="true,bash")
    numbers = range(1, 17)
    number = jobs.start("bash", "-c", "for n in {1..400}; do for fd in {1..16}; do echo $fd.$n >&$fd; done; done",
                        outputs=",".join(map(str, numbers)))
    got = {n: b"" for n in numbers}
    open_ones = set(numbers)
    while open_ones:
        stream, data = jobs.frame(number).split(b":", 1)
        assert int(stream) in open_ones, "a frame behind the end"
        got[int(stream)] += data
        if not data:
            open_ones.remove(int(stream))
    assert jobs.status(number) == "0"
    for fd in numbers:
        assert got[fd] == b"".join(b"%d.%d\n" % (fd, n) for n in range(1, 401)), fd
        assert int(jobs.facts(number)[f"out.{fd}.bytes"]) == len(got[fd])


def signal_storm(jobs):
    """Thousands at once, by keys and to the client: none ends what does not want it."""
    jobs.worker()
    number = jobs.start("sh", "-c", "trap : USR1 USR2; echo ready; while ! read x; do :; done; exit 5")
    jobs.frame(number)
    for _ in range(50):
        jobs.ask("RPUSH", f"/beam/jobs/{number}/control", *["signal 10", "signal 12", "signal 10000", "nonsense"] * 25)
    wait_until(lambda: jobs.ask("LLEN", f"/beam/jobs/{number}/control") == 0, "that all are sent")
    jobs.ask("RPUSH", f"/jobs/{number}/in", "0:\n")
    assert jobs.status(number) == "5"

    child = spawn(jobs, "run", "unix:" + jobs.path, "--", "sh", "-c",
                  "trap : USR1 USR2; trap 'exit 6' HUP; echo ready; while :; do sleep 0.01; done")
    assert child.stdout.readline() == b"ready\n"
    for _ in range(500):
        child.send_signal(signal.SIGUSR1)
        child.send_signal(signal.SIGUSR2)
    child.send_signal(signal.SIGHUP)
    said = child.stderr.read().decode()
    status = finish(jobs, child)
    assert status == 6, (status, said)


# A bash that cannot fork says so, waits a moment, and tries again.
BOMB = "[ $(ulimit -u) = 60 ] && [ $UID != 0 ] || exit 9; bomb() { bomb & bomb & wait; }; bomb"


def count_processes(uid):
    """Also those that nobody has waited for yet: the limit counts them."""
    n = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
                n += f"\nUid:\t{uid}\t" in file.read()
        except OSError:
            pass
    return n


def held_bomb(jobs):
    """What forks without end is held by a limit, and ended with its job."""
    if os.geteuid() != 0:
        return  # it would count what else this user runs
    uid = pwd.getpwnam("nobody").pw_uid
    wait_until(lambda: count_processes(uid) < 10, "room for it")
    os.chmod(jobs.place.folder.name, 0o755)
    worker = jobs.worker("--user", "nobody", "--limit", "nproc=60", allow="true,bash")
    number = jobs.start("bash", "-c", BOMB, user="nobody", grace=100)
    frame = jobs.frame(number)
    assert b"fork" in frame, (frame, jobs.facts(number))
    assert len(all_processes_of([worker.token])) > 10
    jobs.ask("RPUSH", f"/beam/jobs/{number}/control", "cancel")
    assert jobs.status(number) in ("137", "143")
    wait_until(lambda: not all_processes_of([worker.token]), "the end of all processes")
    assert jobs.status(jobs.start("true")) == "0"


if __name__ == "__main__":
    sys.exit(context_jobs.main([killed_at_random, server_killed, ten_thousand, watched_by_ten,
                                sixteen_streams, signal_storm, held_bomb]))
