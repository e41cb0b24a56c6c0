#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Do what the pages of docs/ say, and see whether it comes true.

    tool-docs.py PAGE...        the folder of the examples is in $EXAMPLES, the tool in $BEAM_TOOL

The ```sh blocks of a page are run one after the other in one shell, in a folder of its own
that stands for /tmp, with a free port for 4711; a ```text block right behind one is what it
has to print. Each ```c block has to stand in one of the examples, as it is but for the
indentation.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


def blocks(text):
    """(language, text, whether it stands right behind the one before)."""
    end = 0
    for m in BLOCK.finditer(text):
        yield m[1], m[2], not text[end : m.start()].strip()
        end = m.end()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def flat(text):
    return "\n".join(line.strip() for line in text.strip().splitlines())


def run(page, tmp):
    """[(name, what is wrong or None)] for the shell of a page."""
    steps, code = [], []
    for language, text, behind in blocks(page):
        if language == "sh":
            steps.append([text, None])
        elif language == "text" and behind and steps:
            steps[-1][1] = text
        elif language == "c":
            code.append(text)

    # Each block gets a port of its own, since whoever listens there goes on.
    mark = "--- end of step"
    script = "".join(
        "%s\nprintf '\\n%%s\\n' '%s'\n" % (text.replace(":4711", ":%d" % free_port()), mark)
        for text, _ in steps
    )
    script = script.replace("/tmp/", tmp + "/")

    found = []
    env = dict(os.environ, PATH=os.path.dirname(os.environ["BEAM_TOOL"]) + ":" + os.environ["PATH"])
    if steps:
        with open(os.path.join(tmp, ".script"), "w", encoding="utf-8") as f:
            f.write(script + "kill $(jobs -p) 2>/dev/null\nwait 2>/dev/null\n")
        # files and not pipes, whose end would come with that of the last who holds them
        with open(os.path.join(tmp, ".out"), "w+b") as out, open(os.path.join(tmp, ".err"), "w+b") as err:
            shell = subprocess.Popen(
                ["bash"],
                cwd=tmp,
                env=env,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            try:
                shell.communicate(b". ./.script\n", timeout=100)
            except subprocess.TimeoutExpired:
                os.killpg(shell.pid, signal.SIGKILL)
                shell.wait()
                err.write(b"and was not over after 100 s")
            out.seek(0)
            got = out.read().decode(errors="replace").replace(tmp + "/", "/tmp/").split("\n" + mark + "\n")
            err.seek(0)
            said = err.read().decode(errors="replace")
        for i, (text, wanted) in enumerate(steps):
            name = text.strip().splitlines()[-1]
            if i >= len(got) - 1:
                found.append((name, "it was not reached: " + said))
            elif wanted is not None and flat(got[i]) != flat(wanted):
                found.append((name, "it printed\n%s\nand\n%s" % (got[i], said)))
            else:
                found.append((name, None))

    sources = ""
    folder = os.path.join(os.path.dirname(__file__), "../../examples")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            sources += flat(f.read()) + "\n"
    for text in code:
        name = "C: " + text.strip().splitlines()[0].strip()
        found.append((name, None if flat(text) in sources else "no example has these lines"))
    return found


def main(pages):
    n = n_bad = 0
    for path in pages:
        with open(path, encoding="utf-8") as f:
            page = f.read()
        tmp = tempfile.mkdtemp(prefix="beam-docs.")
        try:
            if "EXAMPLES" in os.environ:
                os.symlink(os.environ["EXAMPLES"], os.path.join(tmp, "examples"))
            for name, wrong in run(page, tmp):
                n += 1
                n_bad += wrong is not None
                title = "%s: %s" % (os.path.basename(path), name.replace("#", ""))
                print("%sok %d - %s" % ("not " if wrong else "", n, title))
                if wrong:
                    print("\n".join("# " + line for line in wrong.splitlines()))
        finally:
            shutil.rmtree(tmp)
    print("1..%d" % n)
    return n_bad > 0


sys.exit(main(sys.argv[1:]))
