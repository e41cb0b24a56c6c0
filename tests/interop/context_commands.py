#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is said about commands, beside what a real redis-server 7.0 says.

    context_commands.py TOOL COMMANDS-OF-REDIS.TXT

COMMAND INFO is the same for each command that both have; so is COMMAND DOCS but for the words
that are for people, since when there is an argument, and what several arguments together are
called; and the list that the page of commands is made of is of all that Redis has.
"""
import sys

from context_oracle import Peer, serve_both

WORDS = {b"summary", b"complexity", b"history", b"replaced_by"}
UNNAMED = {b"oneof", b"block", b"pure-token"}


def pairs(reply):
    items = reply[1]
    return dict(zip(items[::2], items[1::2]))


def plain(value):
    """Without an order where Redis gives a set, and without its notes on keys."""
    if isinstance(value, tuple) and value[0] == "%":
        return {name: plain(item) for name, item in pairs(value).items() if name != b"notes"}
    if isinstance(value, tuple) and isinstance(value[1], list):
        items = [plain(item) for item in value[1]]
        return sorted(items, key=repr) if value[0] == "~" else items
    return value


def docs_of(peer):
    """All documented commands by name, sub-commands too."""
    found = {}
    for name, doc in pairs(peer.ask(["COMMAND", "DOCS"])).items():
        doc = pairs(doc)
        for sub, sub_doc in pairs(doc.pop(b"subcommands", (None, []))).items():
            found[sub] = pairs(sub_doc)
        found[name] = doc
    return found


def info_of(peer):
    found = {}

    def add(info):
        found[info[1][0]] = [plain(item) for item in info[1][1:9]]
        for sub in info[1][9][1]:
            add(sub)

    for info in peer.ask(["COMMAND"])[1]:
        add(info)
    return found


def argument(arg):
    """What it is made of. Tokens and several together are shown as what they are, not by name."""
    arg.pop(b"since", None)
    arg.pop(b"deprecated_since", None)
    name = arg.pop(b"name")
    if arg[b"type"] not in UNNAMED:
        arg[b"name"] = name.replace(b":", b"-")
    if b"arguments" in arg:
        arg[b"arguments"] = [argument(inner) for inner in arg[b"arguments"]]
    return arg


def without_words(doc):
    doc = {field: plain(value) for field, value in doc.items() if field not in WORDS}
    doc[b"arguments"] = [argument(arg) for arg in doc.get(b"arguments", [])]
    return doc


def report(number, name, wrong):
    print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
    for line in wrong[:20]:
        print(f"# {line}")
    return not wrong


def listed(path):
    with open(path, encoding="utf-8") as file:
        return {line.split()[0].encode() for line in file if line.strip() and line[0] not in "#="}


def test(ours, theirs, path):
    ours, theirs = Peer(ours, 3), Peer(theirs, 3)
    if b"redis_version:7.0." not in theirs.ask(["INFO", "server"]):
        print("1..0 # SKIP redis-server is not of 7.0")
        return True
    print("1..3")
    our_docs, their_docs = docs_of(ours), docs_of(theirs)
    our_info, their_info = info_of(ours), info_of(theirs)
    good = report(1, "all that Redis has is in the list",
                  [name.decode() for name in listed(path) ^ set(their_docs)])
    good &= report(2, "COMMAND INFO is the same",
                   [f"{name.decode()}: {mine} {their_info.get(name)}" for name, mine in our_info.items()
                    if mine != their_info.get(name)])
    good &= report(3, "COMMAND DOCS is the same but for the words",
                   [f"{name.decode()}: {without_words(mine)} {without_words(their_docs.get(name, {}))}"
                    for name, mine in our_docs.items()
                    if without_words(mine) != without_words(their_docs.get(name, {}))])
    return good


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(not serve_both(sys.argv[1], lambda ours, theirs: test(ours, theirs, sys.argv[2])))
