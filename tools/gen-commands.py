#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the table of commands: gen-commands.py COMMANDS.TXT OUT.C OUT.H

What a block of commands.txt looks like, and what each of its lines means, stands at the
beginning of that file.
"""
import re
import sys

FLAGS = {
    "write", "readonly", "denyoom", "admin", "pubsub", "noscript", "blocking", "loading", "stale",
    "skip_monitor", "skip_slowlog", "asking", "fast", "no_auth", "no_multi", "movablekeys",
    "may_replicate", "no_mandatory_keys", "allow_busy", "no_async_loading",
}
# In the order in which Redis names them.
CATEGORIES = [
    "keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap",
    "hyperloglog", "geo", "stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous",
    "connection", "transaction", "scripting",
]
TYPES = {"string", "integer", "double", "key", "pattern", "unix-time"}


class Bad(Exception):
    pass


class Syntax:
    """The arguments of a command: "key when=[NX | XX]^2.6.12 [EX seconds:integer] value..."

    A word in capitals is a token of its own, or that of the name or the bracket behind it;
    name:type, a string if there is none; [ ] may be left out; ( ) belong together; | one of
    them; ... any number; *... any number, each behind its token; @N belongs to the N-th
    specification of keys, which keys are told in their order; name= is what the bracket or the
    token behind it is called, if not as the first within; ^ since when it is there.
    """

    def __init__(self, text):
        self.words = re.findall(r'\*?\.\.\.|\^[0-9]+\.[0-9]+\.[0-9]+|[a-z][a-z0-9_-]*=|[\[\]()|]|'
                                r'[^\s\[\]()|.*^]+|[.*]', text)
        self.spaced = text

    def peek(self):
        return self.words[0] if self.words else None

    def alternatives(self, end):
        ways = [[]]
        while self.peek() != end:
            if self.peek() is None:
                raise Bad(f"{end} is missing")
            if self.peek() == "|":
                self.words.pop(0)
                ways.append([])
            else:
                ways[-1].append(self.item())
        if end is not None:
            self.words.pop(0)
        if len(ways) == 1:
            return ways[0]
        return [oneof([way[0] if len(way) == 1 else block(way) for way in ways])]

    def item(self):
        word, called = self.words.pop(0), None
        if re.fullmatch(r"[a-z].*=", word):
            word, called = self.words.pop(0), word[:-1]
        if word == "[":
            inside = self.alternatives("]")
            arg = dict(inside[0] if len(inside) == 1 else block(inside), optional=True)
        elif word == "(":
            arg = together(self.alternatives(")"))
        elif is_token(word):
            following = self.peek()
            if following == "(":
                self.words.pop(0)
                arg = dict(together(self.alternatives(")")), token=word)
            elif following and re.match(r"[a-z]", following):
                arg = dict(self.name(self.words.pop(0)), token=word)
            else:
                arg = {"name": word.lower().strip('"') or "empty", "type": "pure-token",
                       "token": word}
        else:
            arg = self.name(word)
        if self.peek() in ("...", "*..."):
            arg = dict(arg, multiple=True, multiple_token=self.words.pop(0) == "*...")
        if (self.peek() or "").startswith("^"):
            arg = dict(arg, since=self.words.pop(0)[1:])
        return dict(arg, name=called or arg["name"])

    @staticmethod
    def name(word):
        word, _, spec = word.partition("@")
        name, _, kind = word.partition(":")
        kind = kind or (name if name in ("key", "pattern") else "string")
        if kind not in TYPES:
            raise Bad(f"no type {kind} ({word})")
        return {"name": name, "type": kind, "spec": int(spec) if spec else None}


def is_token(word):
    return not re.match(r"[a-z]", word)


def oneof(args):
    return {"name": args[0]["name"], "type": "oneof", "args": args}


def block(args):
    return {"name": args[0]["name"], "type": "block", "args": args}


def together(inside):
    """What stands in ( ): one of several, or a block, also of one."""
    return inside[0] if len(inside) == 1 and inside[0]["type"] == "oneof" else block(inside)


def number_keys(args, n_specs, n_seen=0):
    """Each key belongs to the next of the command's specifications, or to the last."""
    for arg in args:
        if arg["type"] == "key" and arg["spec"] is None and n_specs:
            arg["spec"] = min(n_seen, n_specs - 1)
        n_seen += arg["type"] == "key"
        n_seen = number_keys(arg.get("args", []), n_specs, n_seen)
    return n_seen


def quote(text):
    return "NULL" if text is None else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Table:
    def __init__(self, path):
        self.rows = {}
        self.out = []
        self.n_arrays = 0
        with open(path, encoding="utf-8") as file:
            self.read(path, file)

    def read(self, path, file):
        row, group = None, None
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            try:
                if not line.strip() or line.startswith("#"):
                    row = None
                elif line.startswith("== "):
                    group = line[3:].strip()
                elif not line.startswith(" "):
                    row = self.begin(line, group)
                elif row is None:
                    raise Bad("a line that belongs to no command")
                else:
                    self.detail(row, *line.strip().partition(" ")[::2])
            except Bad as bad:
                sys.exit(f"{path}:{number}: {bad}")
        for row in self.rows.values():
            for what in ("arity", "acl", "since", "summary"):
                if what not in row:
                    sys.exit(f"{path}: {row['name']} says no {what}")

    def begin(self, line, group):
        names = re.match(r"[a-z0-9_-]+", line).group()
        rest = line[len(names):]
        # a sub-command has its own block, behind that of the command
        if names in self.rows:
            sub = re.match(r" [a-z0-9_-]+", rest)
            if not sub:
                raise Bad(f"{names} a second time")
            names += "|" + sub.group().strip()
            rest = rest[len(sub.group()):]
        row = {"name": names, "group": group, "args": Syntax(rest).alternatives(None),
               "flags": [], "keys": [], "notes": {}, "tips": [],
               "changed": []}
        self.rows[names] = row
        return row

    def detail(self, row, what, rest):
        if what == "arity":
            row["arity"] = int(rest)
        elif what == "flags":
            row["flags"] = rest.split()
            unknown = set(row["flags"]) - FLAGS
            if unknown:
                raise Bad(f"no flag {unknown}")
        elif what == "acl":
            row["acl"] = [word.lstrip("@") for word in rest.split()]
        elif what == "keys":
            row["keys"].append(rest.split())
        elif what == "note":
            row["notes"][len(row["keys"]) - 1] = rest
        elif what == "tips":
            row["tips"] = rest.split()
        elif what == "changed":
            row["changed"].append(rest)
        elif what == "system":
            row["system"] = True
        elif what == "deprecated":
            row["deprecated"], _, row["use"] = rest.partition(" use ")
        elif what in ("since", "takes", "summary", "run"):
            row[what] = rest
        else:
            raise Bad(f"what is {what}?")

    def array(self, kind, items):
        self.n_arrays += 1
        name = f"a{self.n_arrays}"
        self.out.append(f"static const {kind} {name}[] = {{")
        self.out += [f"        {item}," for item in items]
        self.out.append("};")
        return name

    def args(self, args):
        items = []
        for arg in args:
            kind = "ARG_" + arg["type"].upper().replace("-", "_")
            item = f'{{ .name = {quote(arg["name"])}, .type = {kind}'
            spec = -1 if arg.get("spec") is None else arg["spec"]
            item += f", .spec = {spec}"
            if "token" in arg:
                item += f', .token = {quote(arg["token"].strip(chr(34)))}'
            if "since" in arg:
                item += f', .since = {quote(arg["since"])}'
            for flag in ("optional", "multiple", "multiple_token"):
                if arg.get(flag):
                    item += f", .{flag} = true"
            if "args" in arg:
                item += f', .args = {self.args(arg["args"])}, .n_args = {len(arg["args"])}'
            items.append(item + " }")
        return self.array("command_arg", items)

    def keys(self, specs, notes):
        items = []
        for number, words in enumerate(specs):
            words = list(words)

            def take():
                return words.pop(0)

            begin, spec = take(), []
            if begin == "at":
                spec.append(f".index = {int(take())}")
            elif begin == "after":
                spec.append(f".keyword = {quote(take())}")
                take()
                spec.append(f".index = {int(take())}")
            find = take() if begin != "unknown" or words[0] in ("range", "number", "unknown") else ""
            if find == "range":
                last, step, limit = take(), take(), take()
                spec.append(f".find = KEYS_RANGE, .last = {last}, .step = {step}, .limit = {limit}")
            elif find == "number":
                place, first, step = take(), take(), take()
                spec.append(f".find = KEYS_NUMBER, .number = {place}, .first = {first}, "
                            f".step = {step}")
            else:
                spec.append(".find = KEYS_UNKNOWN")
            if begin == "unknown":
                spec.append(".begins_unknown = true")
            if number in notes:
                spec.append(f".note = {quote(notes[number])}")
            flags = " | ".join("KEYSPEC_" + word.upper() for word in words) or "0"
            items.append("{ .flags = %s, %s }" % (flags, ", ".join(spec)))
        return self.array("key_spec", items)

    def row(self, row, number, subs):
        run = row.get("run") or "cmd_" + re.sub(r"[-|]", "_", row["name"])
        fields = [f'.name = {quote(row["name"])}']
        if not subs or "run" in row:
            fields.append(f".run = {run}")
        fields += [f'.arity = {row["arity"]}', f".number = {number}",
                   f'.group = {quote(row["group"])}', f'.since = {quote(row["since"])}',
                   f'.complexity = {quote(row.get("takes"))}',
                   f'.summary = {quote(row["summary"])}']
        if row["flags"]:
            fields.append(".flags = " + " | ".join("CMD_" + f.upper() for f in row["flags"]))
        bits = " | ".join(f"1u << {CATEGORIES.index(c)} /* {c} */" for c in row["acl"])
        fields.append(f".categories = {bits}")
        if row["keys"]:
            fields.append(f'.specs = {self.keys(row["keys"], row["notes"])}, .n_specs = {len(row["keys"])}')
        if row["args"]:
            number_keys(row["args"], len(row["keys"]))
            fields.append(f'.args = {self.args(row["args"])}, .n_args = {len(row["args"])}')
        for what, member in (("tips", "tips"), ("changed", "changes")):
            if row[what]:
                items = [quote(item) for item in row[what]] + ["NULL"]
                fields.append(f'.{member} = {self.array("char *const", items)}')
        if "system" in row:
            fields.append(".is_system = true")
        if "deprecated" in row:
            fields.append(f'.deprecated_since = {quote(row["deprecated"])}, '
                          f'.replaced_by = {quote(row["use"] or None)}')
        if subs:
            fields.append(f".subs = {subs[0]}, .n_subs = {subs[1]}")
        return run, "{ " + ",\n          ".join(fields) + " }"

    def write(self, path, header):
        numbers = {name: i for i, name in enumerate(self.rows)}
        runs, top = [], []
        for name, row in self.rows.items():
            if "|" in name:
                continue
            mine = [other for other in self.rows if other.startswith(name + "|")]
            subs = None
            if mine:
                items = []
                for other in mine:
                    run, item = self.row(self.rows[other], numbers[other], None)
                    runs.append(run)
                    items.append(item)
                subs = self.array("command", items), len(items)
            run, item = self.row(row, numbers[name], subs)
            if not subs or "run" in row:
                runs.append(run)
            top.append(item)
        with open(path, "w", encoding="utf-8") as out:
            out.write("/* Made of commands.txt by tools/gen-commands.py. */\n"
                      "#include \"context/commands.h\"\n\n")
            out.write("\n".join(self.out) + "\n\nconst command command_table[] = {\n")
            out.write("".join(f"        {item},\n" for item in top))
            out.write(f"}};\n\nconst unsigned n_commands = {len(top)};\n"
                      f"const unsigned n_all_commands = {len(self.rows)};\n")
            names = ", ".join(f'"{name}"' for name in CATEGORIES)
            out.write(f"\nconst char *const command_categories[] = {{ {names} }};\n"
                      f"const unsigned n_command_categories = {len(CATEGORIES)};\n")
        with open(header, "w", encoding="utf-8") as out:
            out.write("/* Made of commands.txt by tools/gen-commands.py. */\n#pragma once\n"
                      "#include \"context/command.h\"\n\n")
            out.write("".join(f"void {run}(call *c);\n" for run in sorted(set(runs))))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("gen-commands.py COMMANDS.TXT OUT.C OUT.H")
    Table(sys.argv[1]).write(sys.argv[2], sys.argv[3])
