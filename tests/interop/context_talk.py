#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Several clients of a context, and the same of a real redis-server: each hears the same.

    context_talk.py TOOL                              serves both, and has all conversations
    context_talk.py --ours PATH --theirs PATH [NAME...]

A conversation is lines of "who: command". After each, everybody says PING and reads up to the
answer, so that what has been said to anybody by then is compared, and nothing is waited for by
the clock. "who! command" leaves out those PINGs for this client until it has said something
with a colon again: within MULTI, or while it is not answered. <a> is the number of client a.
"""
import argparse
import re
import sys

from context_oracle import Peer, serve_both

CONVERSATIONS = {
    "channels": """
        a: SUBSCRIBE x y x
        b: PUBLISH x hello
        b: PUBLISH z hello
        a: GET k
        a: CLIENT ID
        a: PING
        a: PING hello
        a: PING a b
        a: NOSUCH
        a: GET
        a: HELLO 3
        a: MULTI
        b: PUBSUB CHANNELS y*
        b: PUBSUB NUMSUB x y z
        b: PUBSUB NUMSUB
        b: PUBSUB NUMPAT
        b: PUBSUB NUMPAT x
        b: PUBSUB CHANNELS a b
        b: PUBSUB what
        b: CLIENT KILL TYPE what
        a: UNSUBSCRIBE x
        a: UNSUBSCRIBE x z
        a: UNSUBSCRIBE
        a: UNSUBSCRIBE
        a: PUNSUBSCRIBE
        a: SUNSUBSCRIBE
        a: GET k
        b: PUBLISH y hello
        """,
    "patterns": """
        a: PSUBSCRIBE n* n*
        c: PSUBSCRIBE [mn]?ws
        a: SUBSCRIBE news
        b: PUBLISH news 1
        b: PUBLISH mews 1
        b: PUBLISH n 1
        b: PUBSUB NUMPAT
        a: PUNSUBSCRIBE n*
        a: PUNSUBSCRIBE n*
        b: PUBLISH news 1
        a: RESET
        b: PUBLISH news 1
        a: GET k
        """,
    "shards": """
        a: SSUBSCRIBE s t s
        a: SUBSCRIBE s
        b: SPUBLISH s 1
        b: PUBLISH s 1
        b: SPUBLISH u 1
        b: PUBSUB SHARDNUMSUB s t u
        b: PUBSUB SHARDCHANNELS t*
        a: SUNSUBSCRIBE s
        a: GET k
        a: UNSUBSCRIBE
        a: SUNSUBSCRIBE
        a: GET k
        """,
    "pushes": """
        a: HELLO 3
        a: SUBSCRIBE x
        a: GET k
        a: PUBLISH x 1
        a! CLIENT REPLY OFF
        a! GET k
        a! PUBLISH x 2
        a! SUBSCRIBE y
        b: PUBLISH y 3
        a: CLIENT REPLY ON
        a! CLIENT REPLY SKIP
        a: SUBSCRIBE z
        a! MULTI
        b: PUBLISH z 4
        a! PUBLISH x 5
        a! SUBSCRIBE v
        a! GET k
        a: EXEC
        a! MULTI
        a! HELLO 2
        a! GET k
        a: EXEC
        a: UNSUBSCRIBE v y z
        a: GET k
        a: UNSUBSCRIBE
        """,
    "transactions": """
        a! MULTI
        a! SUBSCRIBE x
        a! GET k
        a: EXEC
        a: GET k
        b: PUBLISH x 1
        b! MULTI
        b! PUBLISH x 2
        b! SPUBLISH x 2
        b: EXEC
        """,
    "notifications": """
        b: CONFIG SET notify-keyspace-events KEA
        a: PSUBSCRIBE __key*__:*
        b: SET k 1
        b: SET k 2 EX 100
        b: SELECT 1
        b: RPUSH l a b c
        b: LPOP l 3
        b! MULTI
        b! SADD s a
        b! DEL s
        b: EXEC
        c! BLPOP w 0
        b: SELECT 0
        b: RPUSH w 1
        c: PING
        b: CONFIG SET notify-keyspace-events AKn
        b: CONFIG GET notify-keyspace-events
        b: SET k 1
        b: SET n 1
        b: RENAME n m
        b: CONFIG SET notify-keyspace-events Ex
        b: SET k 1
        b: CONFIG SET notify-keyspace-events what
        """,
    "tracking": """
        a: CLIENT CACHING yes
        a: CLIENT GETREDIR
        a: CLIENT TRACKINGINFO
        a: HELLO 3
        a: CLIENT TRACKING on
        a: CLIENT TRACKINGINFO
        a: CLIENT GETREDIR
        a: GET k
        b: SET k 1
        b: SET k 2
        a: GET k
        a: SET k 3
        a: MGET k l m
        b: MSET k 1 l 2 m 3
        a: GET k
        a: FLUSHDB
        b: FLUSHALL
        a: EXISTS e
        a: TTL f
        a: SINTERCARD 2 s t
        a: KEYS *
        b: MSET e 1 f 1
        b: SADD t 1
        b: SADD s 1
        a! MULTI
        a! GET k
        a! SET k 1
        a: EXEC
        a: SELECT 1
        a: GET k
        b: SET k 1
        a! CLIENT REPLY OFF
        a! GET k
        b: SET k 2
        a! GET k
        a! SET k 3
        a: CLIENT REPLY ON
        a: CLIENT TRACKING on NOLOOP
        a: GET k
        a: SET k 1
        b: SET k 2
        a: GET k
        a: CLIENT TRACKING off
        b: SET k 3
        a: CLIENT TRACKING on
        a: HELLO 2
        a: GET k
        b: SET k 4
        a: CLIENT TRACKINGINFO
        a: RESET
        a: CLIENT TRACKINGINFO
        """,
    "caching": """
        a: HELLO 3
        a: CLIENT TRACKING on OPTIN OPTOUT
        a: CLIENT TRACKING on BCAST OPTIN
        a: CLIENT TRACKING on PREFIX a
        a: CLIENT TRACKING on what
        a: CLIENT TRACKING maybe
        a: CLIENT TRACKING on OPTIN
        a: CLIENT TRACKING on OPTOUT
        a: CLIENT TRACKING on BCAST
        a: GET k
        b: SET k 1
        a! CLIENT CACHING no
        a! CLIENT CACHING maybe
        a! CLIENT CACHING yes
        a! CLIENT TRACKINGINFO
        a! GET k
        a: GET l
        b: MSET k 1 l 1
        a! CLIENT CACHING yes
        a! MULTI
        a! GET k
        a! GET m
        a! EXEC
        a: GET l
        b: MSET k 1 l 1 m 1
        a: CLIENT TRACKING off
        a: CLIENT TRACKING on OPTOUT
        a: GET k
        a! CLIENT CACHING no
        a! CLIENT TRACKINGINFO
        a: GET l
        b: MSET k 1 l 1
        """,
    "broadcast": """
        a: HELLO 3
        a: CLIENT TRACKING on BCAST PREFIX ab PREFIX a
        a: CLIENT TRACKING on BCAST PREFIX ab PREFIX b
        a: CLIENT TRACKING on BCAST PREFIX abc
        a: CLIENT TRACKING on BCAST PREFIX c
        a: CLIENT TRACKING on
        a: CLIENT TRACKINGINFO
        a: GET z
        b: MSET abx 1 a 2 z 3
        b: SET bx 1
        b: DEL c
        a: SET cx 1
        b: FLUSHALL
        a: CLIENT TRACKING off
        b: SET abx 1
        a: CLIENT TRACKING on BCAST NOLOOP
        a: CLIENT TRACKINGINFO
        a: SET x 1
        b: SET x 1
        b: DEL x
        b: DEL x
        a: CLIENT TRACKING on BCAST PREFIX d
        """,
    "redirected": """
        a: CLIENT TRACKING on REDIRECT 99999
        a: CLIENT TRACKING on REDIRECT x
        b: GET k
        c: GET k
        a: CLIENT TRACKING on REDIRECT <b> REDIRECT <c>
        a: CLIENT TRACKING on REDIRECT <b>
        a: GET k
        c: SET k 1
        b: SUBSCRIBE __redis__:invalidate
        a: GET k
        c: SET k 2
        a: GET k
        c: FLUSHALL
        a: CLIENT TRACKINGINFO
        a: CLIENT GETREDIR
        b: RESET
        b: HELLO 3
        a: GET k
        c: SET k 3
        a: HELLO 3
        a: GET k
        b: QUIT
        c: SET k 4
        a: CLIENT TRACKINGINFO
        a: CLIENT TRACKING on REDIRECT <a>
        a: CLIENT TRACKINGINFO
        a: GET k
        c: SET k 5
        """,
    "monitor": r"""
        a: MONITOR
        b: GET k
        a! MONITOR
        a: GET k
        a: PUBLISH x 1
        a: CLIENT ID
        b: SET k "a\b"
        b: AUTH x
        b: AUTH default x
        b: HELLO 3 AUTH default x SETNAME me
        b: NOSUCH
        b: GET
        b: CLIENT LIST TYPE master
        b! MULTI
        b! SET k 1
        b! MONITOR
        b! CLIENT KILL TYPE master
        b! GET k
        b: EXEC
        b! MULTI
        b! GET k
        b: DISCARD
        b: SELECT 2
        b: LPOP k
        b! BLPOP l 0
        c: SELECT 2
        c: RPUSH l 1
        b: GET k
        a: SUBSCRIBE x
        c: PUBLISH x 1
        a: PING
        a: RESET
        a: GET k
        """,
    "alone": """
        a: CONFIG SET min-replicas-to-write 1
        a: SET k 1
        a: GET k
        a: PING
        a! MULTI
        a! SET k 1
        a: EXEC
        a: CONFIG SET min-replicas-max-lag 0
        a: SET k 1
        a! MULTI
        a! SET k 2
        b: CONFIG SET min-slaves-max-lag 10
        a: EXEC
        a: EXEC
        a! MULTI
        a! GET k
        a: EXEC
        a: PUBLISH x 1
        a: CONFIG SET min-slaves-to-write 0
        a: SET k 3
        """,
    "failover": """
        a: FAILOVER
        a: FAILOVER ABORT
        a: FAILOVER TO a 1
        a: FAILOVER TO a x
        a: FAILOVER TO a
        a: FAILOVER TIMEOUT 0
        a: FAILOVER TIMEOUT x
        a: FAILOVER TIMEOUT -1
        a: FAILOVER FORCE
        a: FAILOVER TO a 1 FORCE
        a: FAILOVER FORCE TIMEOUT 5
        a: FAILOVER x
        a: FAILOVER TIMEOUT 5 TIMEOUT 6
        a: FAILOVER ABORT TIMEOUT 5
        a: FAILOVER TO a 70000
        a: FAILOVER TO a 1 TIMEOUT 5 FORCE
        a: PSYNC ? -1 FAILOVER
        a: REPLICAOF 127.0.0.1 1
        a: FAILOVER
        a: FAILOVER TO 127.0.0.1 1
        a: FAILOVER ABORT
        a: PSYNC x 1 FAILOVER
        a: REPLICAOF NO ONE
        """,
    "pause": """
        a: CLIENT PAUSE
        a: CLIENT PAUSE x
        a: CLIENT PAUSE -1
        a: CLIENT PAUSE 100000 what
        a: CLIENT PAUSE 100000 WRITE x
        a: CLIENT PAUSE 0
        a: GET k
        c: SET k 1
        a: CLIENT PAUSE 100000 WRITE
        a: CLIENT PAUSE 1 WRITE
        a: GET k
        a! PUBLISH x 1
        b: NOSUCH
        b: SET k
        b! SET k 2
        c: GET k
        c: CLIENT UNBLOCK 99999
        c: CLIENT UNPAUSE
        a: GET k
        b: GET k
        c! BLPOP l 0
        a: CLIENT PAUSE 100000 WRITE
        b! RPUSH l 1
        d! SPUBLISH x 1
        e! PFCOUNT h
        a: CLIENT UNPAUSE
        b: PING
        c: PING
        d: PING
        e: PING
        a: CLIENT PAUSE 100000 WRITE
        b! MULTI
        b! GET k
        b: EXEC
        b! MULTI
        b! SET k 3
        b! GET k
        b! EXEC
        a: GET k
        a: CLIENT UNPAUSE
        b: GET k
        a: CLIENT PAUSE 300 ALL
        b: PING
        """,
    "password": """
        a: CONFIG GET requirepass
        a: AUTH x
        a: AUTH default x
        a: CONFIG SET requirepass secret
        a: CONFIG GET requirepass
        a: GET k
        b! GET k
        b! PING
        b! NOSUCH
        b! GET
        b! MULTI
        b! SUBSCRIBE x
        b! HELLO
        b! HELLO 3
        b! HELLO 4
        b! HELLO 3 AUTH default wrong
        b! HELLO 3 AUTH default
        b! HELLO 3 SETNAME x
        b! AUTH
        b! AUTH wrong
        b! AUTH secretsecret
        b! AUTH nobody secret
        b! AUTH a b c
        b! RESET
        b: HELLO 3 AUTH default secret SETNAME me
        b: CLIENT GETNAME
        b! RESET
        b! GET k
        b: AUTH secret
        b: AUTH wrong
        b: GET k
        a: AUTH wrong
        a! RESET
        a! GET k
        a! AUTH default secret
        a! MULTI
        a! AUTH secret
        a! AUTH wrong
        a: EXEC
        a: CONFIG SET requirepass ""
        a: CONFIG GET requirepass
        c: GET k
        a: CONFIG SET requirepass again
        c: GET k
        c: CONFIG SET requirepass ""
        """,
}


def plain(value):
    """Without the time and the address in a line of MONITOR."""
    if isinstance(value, tuple) and value[0] == "+":
        return ("+", re.sub(rb"^\d+\.\d{6} (\[\d+) [^]]*\]", rb"\1]", value[1]))
    return value


class Talk:
    """One side of a conversation."""

    def __init__(self, path):
        self.path = path
        self.peers = {}
        self.held = set()
        self.ids = {}
        self.peer("judge").ask(["FLUSHALL"])
        self.peer("judge").ask(["CONFIG", "SET", "notify-keyspace-events", ""])

    def peer(self, name):
        if name not in self.peers:
            self.peers[name] = Peer(self.path, 2)
            self.ids[name] = self.peers[name].ask(["CLIENT", "ID"])
        return self.peers[name]

    def heard(self, name):
        """All that was said to a client until it is answered, or until it was hung up on."""
        peer, values = self.peers[name], []
        try:
            peer.send(["PING", "mark"])
        except ConnectionError:
            pass  # what was said before can be read
        try:
            while True:
                value = plain(peer.read())
                if value in (b"mark", ("*", [b"pong", b"mark"])):
                    return values
                values.append(value)
        except (EOFError, ConnectionError):
            del self.peers[name]
            return values + ["the end"]

    def say(self, name, holds, words):
        peer = self.peer(name)
        words = [re.sub("<(.)>", lambda hole: str(self.ids[hole[1]]), word) for word in words]
        peer.send(["" if word == '""' else word for word in words])
        if holds:
            self.held.add(name)
        else:
            self.held.discard(name)
        # once it has been answered all that it has caused has been said, or is about to be
        # written before anything else is read: it too may hear more
        heard = {name: [] if holds else self.heard(name)}
        for other in sorted(self.peers):
            if other not in self.held and other != "judge":
                heard[other] = heard.get(other, []) + self.heard(other)
        return heard

    def close(self):
        for peer in self.peers.values():
            peer.socket.close()


def number_alike(ours, theirs):
    """The next client has the same number on both sides."""
    while ours.ids["judge"] != theirs.ids["judge"]:
        behind = min(ours, theirs, key=lambda side: side.ids["judge"])
        behind.peers.pop("judge").socket.close()
        behind.peer("judge")


def have(name, ours_at, theirs_at):
    ours, theirs = Talk(ours_at), Talk(theirs_at)
    number_alike(ours, theirs)
    good = True
    for line in CONVERSATIONS[name].strip().splitlines():
        who, holds, words = re.fullmatch(r"(\w+)([:!]) (.*)", line.strip()).groups()
        heard = [side.say(who, holds == "!", words.split(" ")) for side in (ours, theirs)]
        if heard[0] != heard[1]:
            print(f"# {name}, {line.strip()}\n#   ours:   {heard[0]!r}\n#   theirs: {heard[1]!r}")
            good = False
    ours.close()
    theirs.close()
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool", nargs="?")
    parser.add_argument("--ours")
    parser.add_argument("--theirs")
    parser.add_argument("--name", action="append", choices=CONVERSATIONS)
    args = parser.parse_args()

    def all_of_them(ours, theirs):
        n_bad = 0
        names = args.name or list(CONVERSATIONS)
        print(f"1..{len(names)}")
        for number, name in enumerate(names, 1):
            good = have(name, ours, theirs)
            n_bad += not good
            print(f"{'ok' if good else 'not ok'} {number} - {name}", flush=True)
        return n_bad == 0

    if args.tool:
        good = serve_both(args.tool, all_of_them)
    elif args.ours and args.theirs:
        good = all_of_them(args.ours, args.theirs)
    else:
        parser.error("either a tool, or --ours and --theirs")
    sys.exit(not good)


if __name__ == "__main__":
    main()
