#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is said about commands, beside what a real redis-server 7.0 says.

    context_commands.py TOOL COMMANDS-OF-REDIS.TXT

COMMAND INFO is the same for each command that both have, and so is COMMAND DOCS, but for the
words that are for people; COMMAND GETKEYS finds the same keys in arguments that are made by
chance of what COMMAND DOCS says of them; and the list that the page of commands is made of is
of all that Redis has.
"""
import random
import sys

from context_oracle import Peer, serve_both

WORDS = {b"summary", b"complexity", b"history", b"replaced_by"}
SPOKEN = b"what is said here"


def pairs(reply):
    items = reply[1]
    return dict(zip(items[::2], items[1::2]))


def plain(value):
    """Without an order where Redis gives a set; that there is a note on keys, not which."""
    if isinstance(value, tuple) and value[0] == "%":
        return {name: SPOKEN if name == b"notes" else plain(item) for name, item in pairs(value).items()}
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
    """Names are without a colon here, and no argument is older than its command's age or gone."""
    arg.pop(b"deprecated_since", None)
    arg[b"name"] = arg[b"name"].replace(b":", b"-")
    if b"arguments" in arg:
        arg[b"arguments"] = [argument(inner) for inner in arg[b"arguments"]]
    return arg


def without_words(doc):
    doc = {field: plain(value) for field, value in doc.items() if field not in WORDS}
    doc[b"arguments"] = [argument(arg) for arg in doc.get(b"arguments", [])]
    return doc


def some(arg, chance, n_keys):
    """What may stand for an argument; n_keys[0] is how many keys have been announced."""
    flags, kind, found = [flag[1] for flag in arg.get(b"flags", [])], arg[b"type"], []
    n = 1
    if b"optional" in flags and chance.random() < 0.5:
        return []
    if b"multiple" in flags:
        n = n_keys[0] if kind == b"key" and n_keys[0] else chance.randint(1, 3)
    for i in range(n):
        if b"token" in arg and (i == 0 or b"multiple_token" in flags):
            found.append(arg[b"token"])
        if kind == b"key":
            found.append(b"key%d" % chance.randint(0, 9))
        elif arg[b"name"] == b"numkeys":
            n_keys[0] = chance.randint(1, 3)
            found.append(chance.choice(9 * [b"%d" % n_keys[0]] + [b"0", b"-1", b"9", b"x"]))
        elif kind in (b"integer", b"double", b"unix-time"):
            found.append(b"%d" % chance.randint(0, 9))
        elif kind == b"block":
            for inner in arg[b"arguments"]:
                found += some(inner, chance, n_keys)
        elif kind == b"oneof":
            found += some(chance.choice(arg[b"arguments"]), chance, n_keys)
        elif kind != b"pure-token":
            found.append(chance.choice([b"text", b"store", b"get", b"*"]))
    return found


def keys_found(ours, theirs, docs):
    """What differs, of some ways to write each command of @docs."""
    chance, wrong = random.Random(7), []
    for name in sorted(docs):
        arguments = plain(docs[name].get(b"arguments", ("*", [])))
        for _ in range(20):
            words, n_keys = name.split(b"|"), [0]
            for arg in arguments:
                words += some(arg, chance, n_keys)
            for verb in (b"GETKEYS", b"GETKEYSANDFLAGS"):
                mine, other = (peer.ask([b"COMMAND", verb] + words) for peer in (ours, theirs))
                if plain(mine) != plain(other):
                    wrong.append(f"{b' '.join([verb] + words).decode()}: {mine} {other}")
    return wrong


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
    print("1..4")
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
    good &= report(4, "COMMAND GETKEYS is the same",
                   keys_found(ours, theirs, {name: their_docs[name] for name in our_docs}))
    return good


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(not serve_both(sys.argv[1], lambda ours, theirs: test(ours, theirs, sys.argv[2])))
