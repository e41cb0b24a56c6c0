#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A worker for jobs that is no more than a client of Redis, by spec/jobs.md alone.

    job_worker.py SOCKET

It runs any program, one job at a time, until it gets SIGTERM. Owners, leases and time limits it
leaves to others: it is what somebody writes in an afternoon.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time

FRAME = 65536


def crc_table():
    """CRC-64 by Jones's polynomial, reflected."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x95AC9329AC4BC9B5 if byte & 1 else 0)
        table.append(byte)
    return table


CRC = crc_table()


def crc64(crc, data):
    for byte in data:
        crc = crc >> 8 ^ CRC[(crc ^ byte) & 255]
    return crc


class Redis:
    """One connection; a command is answered before the next is sent."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def __call__(self, *words):
        words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        self.socket.sendall(
            b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)
        )
        return self.reply()

    def reply(self):
        line = self.file.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.reply() for _ in range(int(rest))]
        if kind == b"+":
            return rest
        raise EOFError


class Output(threading.Thread):
    """What comes out of one pipe, as frames of the log."""

    def __init__(self, path, job, number, pipe):
        super().__init__()
        self.redis, self.job, self.number, self.pipe = Redis(path), job, number, pipe
        self.n = self.crc = 0
        self.is_unwanted = False
        self.start()

    def run(self):
        log = f"/beam/jobs/{self.job}/log"
        while (data := os.read(self.pipe.fileno(), FRAME)) and not self.is_unwanted:
            self.redis("XADD", log, "*", "n", self.number, "at", self.n, "d", data)
            self.n += len(data)
            self.crc = crc64(self.crc, data)
        self.pipe.close()
        self.redis("XADD", log, "*", "n", self.number, "at", self.n, "d", "")


def feed(path, job, process):
    """Frames of input into its pipe; where it reads no more they are dropped."""
    redis = Redis(path)
    while process.poll() is None:
        frame = redis("BLPOP", f"/jobs/{job}/in", "0.1")
        if not frame:
            continue
        number, data = frame[1].split(b":", 1)
        try:
            if number in (b"0", b"stdin") and data:
                process.stdin.write(data)
                process.stdin.flush()
            elif number in (b"0", b"stdin"):
                process.stdin.close()
        except (BrokenPipeError, ValueError):
            pass


def obey(path, job, process, outputs):
    """Words of control."""
    redis = Redis(path)
    while process.poll() is None:
        word = redis("BLPOP", f"/beam/jobs/{job}/control", "0.1")
        if not word:
            continue
        word = word[1].split()
        if word[0] == b"signal":
            os.killpg(process.pid, int(word[1]))
        elif word[0] == b"cancel":
            os.killpg(process.pid, signal.SIGTERM)
        elif word[0] == b"close":
            for o in outputs:
                o.is_unwanted = o.is_unwanted or o.number == int(word[1])


def end(redis, job, status, *fields):
    redis("MULTI")
    redis("HSET", f"/beam/jobs/{job}", "state", "ended", "ended", int(time.time() * 1000), *fields)
    redis("SET", f"/jobs/{job}", "ended")
    redis("XADD", f"/beam/jobs/{job}/log", "*", "end", status)
    redis("SET", f"/jobs/{job}/status", status)
    redis("RPUSH", f"/jobs/{job}/wait", job)
    redis("EXEC")


def run(path, redis, job):
    if redis("SET", f"/jobs/{job}", secrets.token_hex(16), "NX") is None:
        return
    name = redis("LINDEX", "/jobs", job)
    args = redis("LRANGE", f"/jobs/{job}/args", 0, -1) or [name]
    env = redis("HGETALL", f"/jobs/{job}/env")
    env = {**os.environb, **dict(zip(env[::2], env[1::2]))}
    try:
        process = subprocess.Popen(
            args,
            executable=name,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as e:
        end(redis, job, "refused", "exit", "refused", "why", f"no such program: {e.strerror}")
        return
    redis("HSET", f"/beam/jobs/{job}", "state", "running", "pid", process.pid)
    outputs = [Output(path, job, 1, process.stdout), Output(path, job, 2, process.stderr)]
    helpers = [
        threading.Thread(target=feed, args=(path, job, process)),
        threading.Thread(target=obey, args=(path, job, process, outputs)),
    ]
    for helper in helpers:
        helper.start()
    code = process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    for thread in outputs + helpers:
        thread.join()
    fields = ["exit", "exited"] if code >= 0 else ["exit", "signalled", "signal", -code]
    for o in outputs:
        fields += [f"out.{o.number}.bytes", o.n, f"out.{o.number}.crc", "%016x" % o.crc]
    end(redis, job, code if code >= 0 else 128 - code, *fields)


def main(path):
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    # shells ignore it for what they start in the background, and programs inherit that
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    redis = Redis(path)
    try:
        while True:
            job = redis("BLPOP", "/jobs/start", 0)
            run(path, redis, job[1].decode())
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the context is gone


main(sys.argv[1])
