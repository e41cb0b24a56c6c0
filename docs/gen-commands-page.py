#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the page of commands from the table, and from what is known of Redis's.

    docs/gen-commands-page.py docs/reference/commands.md
    docs/gen-commands-page.py --check docs/reference/commands.md

The table (src/context/commands.txt) says what is here, docs/commands-of-redis.txt what Redis
has and how ours differs. A command of Redis that is not here without a reason, or one of
ours that Redis does not have, is an error. --check only says whether the page is stale.
"""
import importlib.util
import os
import sys

TREE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
TITLES = {
    "generic": "Keys of any type", "string": "Strings", "bitmap": "Bitmaps", "hyperloglog": "HyperLogLogs",
    "list": "Lists", "hash": "Hashes", "set": "Sets", "sorted-set": "Sorted sets", "geo": "Places",
    "stream": "Streams", "transactions": "Transactions", "pubsub": "Channels", "scripting": "Scripts",
    "connection": "Connections", "server": "The server", "cluster": "Clusters",
}


def table():
    """What is here: the rows of the table, by name."""
    path = os.path.join(TREE, "tools", "gen-commands.py")
    spec = importlib.util.spec_from_file_location("gen_commands", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Table(os.path.join(TREE, "src", "context", "commands.txt")).rows


def of_redis():
    """What Redis has: group, name, and what is said about it."""
    with open(os.path.join(TREE, "docs", "commands-of-redis.txt"), encoding="utf-8") as file:
        group = None
        for line in file:
            if line.startswith("== "):
                group = line[3:].strip()
            elif line.strip() and not line.startswith("#"):
                name, _, note = line.strip().partition(" ")
                yield group, name, note


def shown(name):
    return name.upper().replace("|", " ")


def page():
    ours, seen, groups, n_same, n_differ, n_not = table(), set(), {}, 0, 0, 0
    for group, name, note in of_redis():
        seen.add(name)
        is_command = "|" not in name
        if name in ours:
            how = note[2:] if note.startswith("~") else ""
            here = "differs" if how else "same"
            what = ours[name]["summary"]
            n_same += is_command and not how
            n_differ += is_command and bool(how)
        else:
            if not note.startswith("-"):
                sys.exit(f"commands-of-redis.txt: why is {shown(name)} not here?")
            here, how, what = "not", note[2:], ""
            n_not += is_command
        groups.setdefault(group, []).append(f"| {shown(name)} | {here} | {how} | {what} |")
    extra = set(ours) - seen
    if extra:
        sys.exit(f"commands-of-redis.txt: Redis has no {', '.join(map(shown, sorted(extra)))}")
    lines = [
        "# Commands", "",
        "What Redis 7.0 has, and whether a context has it. Made by `docs/gen-commands-page.py` from the table that",
        "contexts execute by and `docs/commands-of-redis.txt`; edit those.", "",
        f"Of its {n_same + n_differ + n_not} commands {n_same} are the **same**: the same arguments, replies, errors and",
        f"events. {n_differ} **differ** in what is said beside them, and {n_not} are **not** there. A command that is not",
        "there is answered as Redis answers a command that nobody knows.", "",
        "What holds for all: [limits](../explain/limits.md).",
    ]
    for group, rows in groups.items():
        lines += ["", f"## {TITLES[group]}", "", "| command | here | how, or why not | what it does |", "|---|---|---|---|"]
        lines += rows
    return "\n".join(lines) + "\n"


def main():
    check = "--check" in sys.argv[1:]
    paths = [arg for arg in sys.argv[1:] if not arg.startswith("--")]
    if len(paths) != 1:
        sys.exit(__doc__)
    text = page()
    if not check:
        with open(paths[0], "w", encoding="utf-8") as file:
            file.write(text)
        return
    with open(paths[0], encoding="utf-8") as file:
        if file.read() != text:
            sys.exit(f"{paths[0]} is stale: run docs/gen-commands-page.py {paths[0]}")


if __name__ == "__main__":
    main()
