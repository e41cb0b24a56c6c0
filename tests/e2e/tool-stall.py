#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A service that does not read: its writer blocks, and the memory of both stays flat.

The tool is in $BEAM_TOOL. TAP on stdout.
"""

import os
import select
import subprocess
import sys
import tempfile

BEAM = os.environ["BEAM_TOOL"]
SANITIZED = os.environ.get("BEAM_SANITIZE", "none") != "none"
LIMIT = 16 * 1024  # KiB over the start
PATIENCE = 60  # seconds
n = n_bad = 0


def ok(good, name, why=""):
    global n, n_bad
    n += 1
    n_bad += not good
    print("%sok %d - %s" % ("" if good else "not ", n, name))
    if not good and why:
        print("# " + str(why))


def flat(before, after, name):
    if SANITIZED:
        ok(True, name + " # SKIP most of it is the sanitizer's")
    else:
        ok(after - before < LIMIT, name, "%d to %d KiB" % (before, after))


def memory(pid):
    """KiB of its own that are in memory."""
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        for line in f:
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    return 0


def offer(fd, data, most):
    """Write until nothing has been taken for a second, or @most."""
    done = 0
    while done < most:
        if not select.select([], [fd], [], 1)[1]:
            break
        done += os.write(fd, data)
    return done


def stall(link, tmp, args, verb):
    hang = os.path.join(tmp, "hang." + verb)
    os.mkfifo(hang)
    serve = subprocess.Popen(
        [BEAM, "serve", "--print-url", "--grace", "0.1", link, "--"] + args + [hang],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    if not select.select([serve.stdout], [], [], PATIENCE)[0]:
        raise TimeoutError("no URL from beam serve")
    url = serve.stdout.readline().decode().strip()
    client = subprocess.Popen(
        [BEAM, verb, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.set_blocking(client.stdin.fileno(), False)
    data = (b"x" * 1023 + b"\n") * 4
    offer(client.stdin.fileno(), data, 64 * 1024)
    before = memory(serve.pid), memory(client.pid)
    took = offer(client.stdin.fileno(), data, 1 << 30)
    after = memory(serve.pid), memory(client.pid)

    name = "%s over %s: " % (verb, link.split(":")[0])
    ok(took < 64 << 20, name + "the writer blocks", "%d bytes were taken" % took)
    flat(before[0], after[0], name + "memory of the service")
    flat(before[1], after[1], name + "memory of the writer")
    other = subprocess.run([BEAM, "ping", "--timeout", "20", url], stdout=subprocess.DEVNULL)
    ok(other.returncode == 0, name + "the service still answers")

    client.kill()
    client.wait(PATIENCE)
    serve.terminate()
    serve.wait(PATIENCE)


def main():
    with tempfile.TemporaryDirectory(prefix="beam-stall.") as tmp:
        for link in "unix:%s/s" % tmp, "tcp://127.0.0.1:0":
            stall(link, tmp, ["cat"], "pipe")
            os.unlink(os.path.join(tmp, "hang.pipe"))
            # 64 children at once, each with a message, and then no more is taken
            stall(link, tmp, ["cat"], "send")
            os.unlink(os.path.join(tmp, "hang.send"))
    print("1..%d" % n)
    return n_bad > 0


sys.exit(main())
