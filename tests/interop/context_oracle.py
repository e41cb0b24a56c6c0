#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same commands to a context and to a real redis-server: the same replies, or a difference.

    context_oracle.py TOOL                                  serves both, and runs what the tests run
    context_oracle.py --ours PATH --theirs PATH [--seed N] [--runs N] [--commands N] [--group NAME] [--protocol N]

The paths are those of unix sockets; both are flushed. Seeds that are even speak RESP3, unless one of the
two is asked for. Commands are drawn by chance from
the templates below, over few keys and values, so that they meet; now and then a bad argument
takes the place of a good one. At the end all that both hold is read back and compared. Each
difference is printed with what led to it, and with the seed that shows it again.
"""
import argparse
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

# What stands in a template: a word is itself; a letter in < > is drawn anew each time.
KEYS = [f"k{i}" for i in range(7)] + ["k" * 240]  # one too long to have a pack behind it
LISTS = ["l0", "l1"]  # nothing else: sets have no order to be sorted by
LEVEL = ["z0", "z1"]  # sorted sets whose scores are all 0: only those have an order by bytes
MEMBERS = ["a", "b", "c", "d", "1", "2", "17", "-5", "3.5", "long" * 20, ""]
NUMBERS = ["0", "1", "2", "-1", "-2", "5", "10", "100", "-100", "7"]
TIMES = ["0", "-1", "100", "1000", "100000"]  # seconds; none that comes meanwhile
BLOCKS = ["0.001", "0.002", "-1", "-0.5e2", "inf", "nan", "1e400", "x", "", " 1", "long" * 20]  # none that is long
REALS = ["0", "1", "1.5", "-2.25", "3e2", "10", "0.1", "-0.5"]
BAD = ["", "x", "1.5", "9223372036854775807", "-9223372036854775808", "99999999999999999999",
       "nan", "inf", "-inf", "1e400", " 1", "1 ", "(1", "[a", "+", "-"]
PLACES = ["0", "1", "5", "7", "8", "30", "63", "100", "200", "-1", "#1", "#3"]  # of bits
WIDTHS = ["u1", "u7", "u8", "u63", "i1", "i5", "i8", "i33", "i64", "u64", "i65"]
# near each other, around the earth, and near its poles; none twice, so that no two are equally far
LONGITUDES = [str(n / 97) for n in range(1000, 1500, 7)] + [str(n / 7) for n in range(-1259, 1259, 31)]
LATITUDES = [str(n / 97) for n in range(3600, 3800, 7)] + [str(n / 7) for n in range(-595, 595, 31)]
DISTANCES = ["0", "0.5", "10", "100.5", "300", "1000", "5000", "20000", "-1"]
UNITS = ["m", "km", "FT", "mi", "Km"]
IDS = ["0", "-", "+", "1-1", "5", "20", "40-1", "60", "80-0", "100", "150-1", "200", "(10", "(40-1",
       "18446744073709551615-18446744073709551615", "0-18446744073709551615"]
GROUPS = ["g", "h"]
CONSUMERS = ["c", "d", "e", "f"]
HOLES = {"x": LONGITUDES, "y": LATITUDES, "d": DISTANCES, "u": UNITS,
         "k": KEYS, "l": LISTS, "z": LEVEL, "m": MEMBERS, "n": NUMBERS, "t": TIMES, "r": REALS,
         "p": PLACES, "w": WIDTHS, "e": [f"element {i}" for i in range(2000)],
         "i": IDS, "g": GROUPS, "c": CONSUMERS, "b": BLOCKS}

TEMPLATES = {
    "string": [
        "SET <k> <m>", "SET <k> <n>", "SET <k> <m> NX", "SET <k> <m> XX", "SET <k> <m> GET",
        "SET <k> <m> EX 100", "SET <k> <m> KEEPTTL", "SET <k> <m> NX GET", "SET <k> <m> XX EX <t>",
        "SET <k> <m> PX 100000 KEEPTTL", "GET <k>", "GETSET <k> <m>", "GETDEL <k>", "GETEX <k>",
        "GETEX <k> PERSIST", "GETEX <k> EX 100", "GETEX <k> EX <t>", "APPEND <k> <m>", "STRLEN <k>",
        "GETRANGE <k> <n> <n>", "SUBSTR <k> <n> <n>", "SETRANGE <k> <n> <m>", "INCR <k>", "DECR <k>",
        "INCRBY <k> <n>", "DECRBY <k> <n>", "INCRBYFLOAT <k> <r>", "MSET <k> <m> <k> <m>",
        "MSET <k> <m> <k>", "MSETNX <k> <m> <k> <m>", "MGET <k> <k> <k>", "SETNX <k> <m>",
        "SETEX <k> 100 <m>", "SETEX <k> <t> <m>", "PSETEX <k> 100000 <m>", "LCS <k> <k>", "LCS <k> <k> LEN",
        "LCS <k> <k> IDX", "LCS <k> <k> IDX MINMATCHLEN <n> WITHMATCHLEN", "LCS <k> <k> LEN IDX",
        "LCS <k> <k> <m>",
    ],
    "bitmap": [
        "SET <k> <m>", "SET <k> <n>", "APPEND <k> <m>", "GET <k>", "SETBIT <k> <p> 1", "SETBIT <k> <p> 0",
        "SETBIT <k> <p> <n>", "GETBIT <k> <p>", "BITCOUNT <k>", "BITCOUNT <k> <n> <n>",
        "BITCOUNT <k> <n> <n> BIT", "BITCOUNT <k> <n> <n> BYTE", "BITCOUNT <k> <n>", "BITPOS <k> 1",
        "BITPOS <k> 0", "BITPOS <k> <n>", "BITPOS <k> 1 <n>", "BITPOS <k> 0 <n> <n>", "BITPOS <k> 0 <n>",
        "BITPOS <k> 1 <n> <n> BIT", "BITPOS <k> 0 <n> <n> BYTE", "BITOP AND <k> <k> <k>",
        "BITOP OR <k> <k> <k> <k>", "BITOP XOR <k> <k> <k>", "BITOP NOT <k> <k>", "BITOP NOT <k> <k> <k>",
        "BITFIELD <k> GET <w> <p>", "BITFIELD <k> SET <w> <p> <n> GET <w> <p>", "BITFIELD <k>",
        "BITFIELD <k> INCRBY <w> <p> <n> OVERFLOW SAT INCRBY <w> <p> <n> OVERFLOW FAIL INCRBY <w> <p> <n>",
        "BITFIELD <k> OVERFLOW FAIL SET <w> <p> <n>", "BITFIELD <k> OVERFLOW SAT SET <w> <p> <n>",
        "BITFIELD <k> OVERFLOW <m> GET <w> <p>", "BITFIELD_RO <k> GET <w> <p> GET <w> <p>",
        "BITFIELD_RO <k> SET <w> <p> <n>", "LPUSH <k> <m>", "DEL <k>", "STRLEN <k>",
    ],
    "hyperloglog": [
        "PFADD <k> <m>", "PFADD <k> <m> <n> <r>", "PFADD <k>", "PFADD <k> <e> <e> <e> <e> <e>",
        "PFADD <k> <e> <e>", "PFCOUNT <k>", "PFCOUNT <k> <k> <k>", "PFMERGE <k> <k> <k>", "PFMERGE <k>",
        "GET <k>", "STRLEN <k>", "PFDEBUG ENCODING <k>", "PFDEBUG DECODE <k>", "PFDEBUG GETREG <k>",
        "PFDEBUG TODENSE <k>", "PFDEBUG <m> <k>", "OBJECT ENCODING <k>", "RENAME <k> <k>", "DEL <k>",
        "SET <k> <m>", "SET <k> <n>", "RPUSH <k> <m>", "APPEND <k> <m>", "SETRANGE <k> 4 <m>",
        "SETRANGE <k> <n> <m>", "CONFIG SET hll-sparse-max-bytes 50", "CONFIG SET hll-sparse-max-bytes 3000",
    ],
    "list": [
        "LPUSH <k> <m>", "RPUSH <k> <m> <m> <m>", "LPUSHX <k> <m>", "RPUSHX <k> <m> <m>", "LPOP <k>",
        "RPOP <k>", "LPOP <k> <n>", "RPOP <k> <n>", "LLEN <k>", "LINDEX <k> <n>", "LRANGE <k> <n> <n>",
        "LRANGE <k> 0 -1", "LSET <k> <n> <m>", "LINSERT <k> BEFORE <m> <m>", "LINSERT <k> AFTER <m> <m>",
        "LREM <k> <n> <m>", "LTRIM <k> <n> <n>", "RPOPLPUSH <k> <k>", "LMOVE <k> <k> LEFT RIGHT",
        "LMOVE <k> <k> RIGHT RIGHT", "LMOVE <k> <k> LEFT LEFT", "LMPOP 2 <k> <k> LEFT",
        "LMPOP 1 <k> RIGHT COUNT <n>", "LPOS <k> <m>", "LPOS <k> <m> RANK <n>", "LPOS <k> <m> COUNT <n>",
        "LPOS <k> <m> RANK <n> COUNT <n> MAXLEN <n>", "DEBUG DIGEST-VALUE <k> <k>",
    ],
    "waiting": [
        "RPUSH <k> <m> <m>", "ZADD <k> <r> <m>", "SET <k> <m>", "DEL <k>", "DEL <k> <k> <k>", "LLEN <k>",
        "BLPOP <k> 0.001", "BRPOP <k> <k> 0.001", "BLPOP <k> -1", "BLPOP <k> inf",
        "BLPOP <k> 1e400", "BLPOP <k> <b>", "BRPOPLPUSH <k> <k> 0.001", "BRPOPLPUSH <k> <k> -1",
        "BLMOVE <k> <k> LEFT RIGHT 0.001", "BLMOVE <k> <k> <m> LEFT 0.001", "BLMOVE <k> <k> LEFT LEFT 1e30",
        "BLMPOP 0.001 2 <k> <k> LEFT", "BLMPOP 0.001 <n> <k> RIGHT COUNT <n>", "BLMPOP <b> 1 <k> LEFT",
        "BZPOPMIN <k> 0.001", "BZPOPMAX <k> <k> 0.001", "BZPOPMIN <k> <b>", "BZMPOP 0.001 2 <k> <k> MIN",
        "BZMPOP 0.001 <n> <k> MAX COUNT <n>", "BZMPOP 0.001 1 <k> <m>",
    ],
    "hash": [
        "HSET <k> <m> <m>", "HSET <k> <m> <m> <m> <m>", "HSET <k> <m>", "HMSET <k> <m> <m>", "HGET <k> <m>",
        "HMGET <k> <m> <m>", "HDEL <k> <m>", "HDEL <k> <m> <m> <m>", "HEXISTS <k> <m>", "HLEN <k>",
        "HSTRLEN <k> <m>", "HINCRBY <k> <m> <n>", "HINCRBYFLOAT <k> <m> <r>", "HSETNX <k> <m> <m>",
        "!HGETALL <k>", "!HKEYS <k>", "!HVALS <k>", "HRANDFIELD <k> 0", "!HSCAN <k> 0 COUNT 1000",
        "DEBUG DIGEST-VALUE <k> <k>",
    ],
    "set": [
        "SADD <k> <m>", "SADD <k> <n> <n> <n>", "SADD <k> <m> <m> <m>", "SREM <k> <m>", "SREM <k> <m> <n>",
        "SCARD <k>", "SISMEMBER <k> <m>", "SMISMEMBER <k> <m> <m>", "!SMEMBERS <k>", "SMOVE <k> <k> <m>",
        "!SINTER <k> <k>", "!SUNION <k> <k>", "!SDIFF <k> <k> <k>", "SINTERSTORE <k> <k> <k>",
        "SUNIONSTORE <k> <k> <k>", "SDIFFSTORE <k> <k> <k>", "SINTERCARD 2 <k> <k>",
        "SINTERCARD 2 <k> <k> LIMIT <n>", "SINTERCARD <n> <k> <k>", "SINTERCARD 9223372036854775807 <k>",
        "SRANDMEMBER <k> -9223372036854775808", "!SPOP <k> 100", "SRANDMEMBER <k> 0", "!SRANDMEMBER <k> 1000",
        "!SSCAN <k> 0 COUNT 1000", "DEBUG DIGEST-VALUE <k> <k>",
    ],
    "sorted-set": [
        "ZADD <k> <r> <m>", "ZADD <k> <r> <m> <r> <m>", "ZADD <k> NX <r> <m>", "ZADD <k> XX CH <r> <m>",
        "ZADD <k> GT CH <r> <m>", "ZADD <k> LT <r> <m>", "ZADD <k> INCR <r> <m>", "ZADD <k> XX INCR <r> <m>",
        "ZADD <k> GT INCR <r> <m>", "ZADD <k> NX GT <r> <m>", "ZADD <k> <r>", "ZADD <z> 0 <m> 0 <m> 0 <m>",
        "ZINCRBY <k> <r> <m>", "ZREM <k> <m> <m>", "ZCARD <k>", "ZSCORE <k> <m>", "ZMSCORE <k> <m> <m>",
        "ZRANK <k> <m>", "ZREVRANK <k> <m>", "ZCOUNT <k> <r> <r>", "ZCOUNT <k> -inf (<r>",
        "ZRANGE <k> <n> <n>", "ZRANGE <k> 0 -1 WITHSCORES", "ZRANGE <k> <n> <n> REV WITHSCORES",
        "ZRANGE <k> <r> <r> BYSCORE", "ZRANGE <k> +inf -inf BYSCORE REV LIMIT <n> <n>",
        "ZRANGE <z> - + BYLEX LIMIT <n> <n>", "ZRANGE <k> 0 -1 LIMIT 0 1", "ZRANGE <k> 0 -1 BYSCORE BYLEX",
        "ZRANGE <k> 0 -1 REV REV", "ZRANGE <z> - + BYLEX WITHSCORES",
        "ZREVRANGE <k> <n> <n> WITHSCORES", "ZRANGEBYSCORE <k> <r> <r> WITHSCORES LIMIT <n> <n>",
        "ZRANGEBYSCORE <k> (0 +inf", "ZREVRANGEBYSCORE <k> <r> <r>", "ZRANGEBYLEX <z> [a [c",
        "ZRANGEBYLEX <z> (a +", "ZREVRANGEBYLEX <z> + -", "ZLEXCOUNT <z> - [b", "ZLEXCOUNT <z> + -",
        "ZRANGESTORE <k> <k> <n> <n>", "ZRANGESTORE <k> <k> <r> <r> BYSCORE REV LIMIT 0 2",
        "ZREMRANGEBYRANK <k> <n> <n>", "ZREMRANGEBYSCORE <k> <r> <r>", "ZREMRANGEBYLEX <z> [b [c",
        "ZPOPMIN <k>", "ZPOPMAX <k> <n>", "ZMPOP 2 <k> <k> MIN COUNT <n>", "ZMPOP 1 <k> MAX",
        "ZUNION 2 <k> <k>", "ZUNION 2 <k> <k> WEIGHTS <r> <r> AGGREGATE MAX WITHSCORES",
        "ZINTER 2 <k> <k> WITHSCORES", "ZDIFF 2 <k> <k> WITHSCORES", "ZUNIONSTORE <k> 2 <k> <k>",
        "ZINTERSTORE <k> 2 <k> <k> AGGREGATE MIN", "ZDIFFSTORE <k> 2 <k> <k>", "ZINTERCARD 2 <k> <k>",
        "ZINTERCARD 2 <k> <k> LIMIT <n>", "ZRANDMEMBER <k> 0", "!ZRANDMEMBER <k> 1000",
        "!ZSCAN <k> 0 COUNT 1000", "SADD <k> <m> <m>", "ZUNIONSTORE <k> <n> <k>", "DEBUG DIGEST-VALUE <k> <k>",
    ],
    "geo": [
        "GEOADD <k> <x> <y> <m>", "GEOADD <k> <x> <y> <m> <x> <y> <m> <x> <y> <m>", "GEOADD <k> NX CH <x> <y> <m>",
        "GEOADD <k> <x> <y> <n> <x> <y> <n> <x> <y> <n> <x> <y> <n>", "GEOADD <k> XX CH <x> <y> <m>",
        "GEOADD <k> NX XX <x> <y> <m>", "GEOADD <k> <x> <y>", "GEOADD <k> CH <n> <n> <m>", "ZADD <k> <r> <m>",
        "GEOPOS <k> <m> <m>", "GEOPOS <k> <n>", "GEOHASH <k> <m> <m>", "GEODIST <k> <m> <m>",
        "GEODIST <k> <m> <m> <u>", "GEODIST <k> <m> <m> <m>", "ZRANGE <k> 0 -1 WITHSCORES", "ZREM <k> <m>",
        "GEORADIUS <k> <x> <y> <d> <u>", "GEORADIUS <k> <x> <y> <d> <u> WITHDIST WITHHASH WITHCOORD ASC",
        "GEORADIUS <k> <x> <y> <d> <u> COUNT <n> DESC", "GEORADIUS <k> <x> <y> <d> <u> COUNT <n> ANY",
        "GEORADIUS <k> <x> <y> <d> <u> ANY", "GEORADIUS <k> <x> <y> <d> <u> STORE <k>", "DEL <k>",
        "GEORADIUS <k> <x> <y> <d> <u> STOREDIST <k> COUNT <n>", "GEORADIUS <k> <n> <n> <n> <m> STORE <k> WITHDIST",
        "GEORADIUS_RO <k> <x> <y> <d> <u> WITHCOORD", "GEORADIUS_RO <k> <x> <y> <d> <u> STORE <k>",
        "GEORADIUSBYMEMBER <k> <m> <d> <u>", "GEORADIUSBYMEMBER <k> <m> <d> <u> WITHDIST DESC STORE <k>",
        "GEORADIUSBYMEMBER <k> <m> <d> <u> STOREDIST <k>", "GEORADIUSBYMEMBER_RO <k> <m> <d> <u> WITHDIST",
        "GEOSEARCH <k> FROMLONLAT <x> <y> BYRADIUS <d> <u>", "GEOSEARCH <k> FROMLONLAT <x> <y> BYBOX <d> <d> <u>",
        "GEOSEARCH <k> FROMMEMBER <m> BYRADIUS <d> <u> WITHDIST", "SET <k> <m>",
        "GEOSEARCH <k> FROMMEMBER <m> BYBOX <d> <d> <u> WITHCOORD WITHHASH DESC",
        "GEOSEARCH <k> FROMMEMBER <m> FROMLONLAT <x> <y> BYBOX <d> <d> <u>", "GEOSEARCH <k> FROMMEMBER <m> <m> <m> <u>",
        "GEOSEARCH <k> BYBOX <d> <d> <u> BYRADIUS <d> <u>", "GEOSEARCH <k> BYBOX <d> <d> <u> ASC ASC",
        "GEOSEARCH <k> FROMLONLAT <x> <y> BYBOX <d> <d> <u> COUNT <n> ANY", "GEOSEARCH <k> FROMMEMBER <m> ASC ASC ASC",
        "GEOSEARCHSTORE <k> <k> FROMMEMBER <m> BYRADIUS <d> <u>",
        "GEOSEARCHSTORE <k> <k> FROMLONLAT <x> <y> BYBOX <d> <d> <u> STOREDIST COUNT <n>",
        "GEOSEARCHSTORE <k> <k> FROMLONLAT <x> <y> BYBOX <d> <d> <u> WITHDIST", "OBJECT ENCODING <k>",
    ],
    # No ID that a server draws by its clock; <a> is one that grows, <s> one that was <a>
    # before, and only the first keys are streams that grow long.
    "stream": [
        *["XADD k<j> <a> <m> <m>"] * 4, *["XADD k<j> <a> f <n> g <m>"] * 4, *["XADD k<j> <a> f <r> g <n>"] * 4,
        "XADD k<j> MAXLEN <n> <a> <m> <m>", "XADD k<j> MAXLEN ~ <n> <a> f <n> g <m>",
        "XADD k<j> MINID <s> <a> f <n>", "XADD k<j> MINID ~ <s> <a> f <n>", "XADD k<j> <a> f",
        "XADD k<j> MAXLEN ~ 100 LIMIT <n> <a> f <m>", "XADD k<j> MAXLEN = 10 LIMIT <n> <a> f <m>",
        "XADD k<j> NOMKSTREAM <a> f <m>", "XADD <k> <i> f <m>", "XADD k<j> <n>-* f <m>", "XADD k<j> <s>-* f <m>",
        "XADD <k> MAXLEN <n> MINID <i> <a> f v", "XADD <k> LIMIT <n> <a> f v",
        "XLEN <k>", "XDEL k<j> <s> <s> <s>", "XDEL k<j> <s> <i>", "XTRIM k<j> MAXLEN <n>", "XTRIM k<j> MAXLEN ~ <n>",
        "XTRIM k<j> MINID <s>", "XTRIM k<j> MINID ~ <s> LIMIT <n>", "XTRIM k<j> MINID = <i>", "XTRIM <k> <m> <n>",
        "XRANGE k<j> <i> <i>", "XRANGE k<j> - +", "XRANGE k<j> <s> + COUNT <n>", "XRANGE k<j> <s> <s>",
        "XREVRANGE k<j> <i> <i>", "XREVRANGE k<j> + -", "XREVRANGE k<j> <s> <s> COUNT <n>",
        "XSETID k<j> <s>", "XSETID k<j> <a> ENTRIESADDED <n>", "XSETID k<j> <a> ENTRIESADDED 1000 MAXDELETEDID <s>",
        "XSETID <k> <i>", "XREAD STREAMS k<j> <s>", "XREAD COUNT <n> STREAMS k<j> k<j> <s> <i>",
        "XREAD STREAMS <k> <k> <i> $", "XREAD BLOCK 1 STREAMS k<j> <s>", "XREAD STREAMS k<j> <i> <i>", "XREAD STREAMS <k> >",
        "XGROUP CREATE k<j> <g> <i>", "XGROUP CREATE k<j> <g> $ MKSTREAM", "XGROUP CREATE k<j> <g> <s> ENTRIESREAD <n>",
        "XGROUP CREATE <k> <g> 0", "XGROUP SETID k<j> <g> <s>", "XGROUP SETID k<j> <g> <i> ENTRIESREAD <n>",
        "XGROUP SETID <k> <g> $", "XGROUP DESTROY <k> <g>", "XGROUP CREATECONSUMER k<j> <g> <c>",
        "XGROUP DELCONSUMER k<j> <g> <c>", *["XREADGROUP GROUP <g> <c> COUNT 3 STREAMS k<j> >"] * 4,
        "XREADGROUP GROUP <g> <c> STREAMS k<j> >", "XREADGROUP GROUP <g> <c> NOACK COUNT 2 STREAMS k<j> >",
        "XREADGROUP GROUP <g> <c> COUNT <n> STREAMS k<j> <i>", "XREADGROUP GROUP <g> <c> STREAMS k0 k1 > >",
        "XREADGROUP GROUP <g> <c> BLOCK 1 STREAMS k<j> >", "XREADGROUP GROUP <g> <c> STREAMS <k> <s>",
        "XREADGROUP STREAMS <k> >", "XACK k<j> <g> <s>", "XACK k<j> <g> <s> <s> <s>", "XACK <k> <g> <i>",
        "XPENDING k<j> <g>", "XPENDING k<j> <g> - + 10", "XPENDING k<j> <g> <s> + <n> <c>",
        "XPENDING k<j> <g> IDLE 50000 - + 10", "XPENDING k<j> <g> IDLE 0 <i> <i> <n>", "XPENDING <k> <g>",
        "XCLAIM k<j> <g> <c> 0 <s> <s> <s>", "XCLAIM k<j> <g> <c> 0 <s> <s> JUSTID", "XCLAIM k<j> <g> <c> 50000 <s> <s>",
        "XCLAIM k<j> <g> <c> 0 <s> FORCE RETRYCOUNT <n>", "XCLAIM k<j> <g> <c> 0 <s> <s> IDLE 100000",
        "XCLAIM k<j> <g> <c> 0 <s> TIME <n> LASTID <s>", "XCLAIM <k> <g> <c> 0 <i> <m>",
        "XAUTOCLAIM k<j> <g> <c> 0 <s> COUNT <n>", "XAUTOCLAIM k<j> <g> <c> 50000 - JUSTID",
        "XAUTOCLAIM k<j> <g> <c> 0 <i> COUNT 3", "XAUTOCLAIM <k> <g> <c> 50000 <i>", "XINFO STREAM <k>", "XINFO STREAM k<j>",
        "XINFO STREAM k<j> FULL", "XINFO STREAM k<j> FULL COUNT <n>", "XINFO STREAM <k> <m>", "XINFO GROUPS k<j>",
        "XINFO CONSUMERS k<j> <g>", "XINFO CONSUMERS <k> <c>", "OBJECT ENCODING <k>", "DEL k<j>",
        "COPY k<j> k<j> REPLACE", "!SCAN 0 COUNT 1000 TYPE stream", "CONFIG SET stream-node-max-entries 3", "CONFIG SET stream-node-max-entries 100",
        "CONFIG SET stream-node-max-entries 20", "CONFIG SET stream-node-max-bytes 4096",
        "CONFIG SET stream-node-max-bytes 300", "DEBUG DIGEST-VALUE k<j> k<j>",
    ],
    "generic": [
        "RESTORE <k> <n> <m>", "RESTORE <k> <n> <m> REPLACE ABSTTL", "RESTORE <k> 0 <m> FREQ <n>",
        "RESTORE <k> <t> <m> IDLETIME <n> REPLACE", "RESTORE <k> 0 <m> IDLETIME 1 FREQ 1",
        "DEL <k>", "UNLINK <k> <k>", "EXISTS <k> <k>", "TYPE <k>", "RENAME <k> <k>", "RENAMENX <k> <k>",
        "EXPIRE <k> 100", "EXPIRE <k> 100 NX", "EXPIRE <k> 200 GT", "EXPIRE <k> 50 LT", "EXPIRE <k> <t> XX",
        "PEXPIREAT <k> 99999999999999", "PERSIST <k>", "TTL <k>", "EXPIRETIME <k>", "PEXPIRETIME <k>",
        "TOUCH <k> <k>", "OBJECT ENCODING <k>", "COPY <k> <k>", "COPY <k> <k> REPLACE", "COPY <k> <k> DB 1",
        "COPY <k> <k> DB <n> REPLACE", "COPY <k> <k> <m>",
        "OBJECT FREQ <k>", "OBJECT REFCOUNT nothing", "OBJECT IDLETIME nothing", "OBJECT <m> <k>", "MOVE <k> 1",
        "DBSIZE", "!KEYS *", "!KEYS k[1-3]",
        "!SCAN 0 COUNT 1000", "!SCAN 0 COUNT 1000 TYPE list", "SELECT 1", "SELECT 0", "SELECT 0", "SELECT 16", "SELECT <m>", "SELECT 99999999999",
        "MOVE <k> 99999999999", "SWAPDB 0 1", "SWAPDB 0 <m>", "SWAPDB 0 99999999999",
    ],
    "sort": [
        "RPUSH <k> <n> <n> <n>", "RPUSH <k> <m> <n>", "SADD <k> <n> <n> <n>", "SADD <k> <m> <m>",
        "ZADD <k> <r> <n> <r> <n>", "ZADD <z> 0 <m> 0 <n> 0 <n>", "RPUSH <l> <n> <m> <n>", "SET <k> <n>",
        "HSET <k> a <n> 1 <m>", "SET <k> <m>", "DEL <k>", "SORT <k>", "SORT <k> DESC", "SORT <k> ALPHA",
        "SORT <k> ALPHA DESC ASC", "SORT <k> LIMIT <n> <n>", "SORT <k> ALPHA LIMIT <n> <n> DESC",
        "SORT <k> BY k* GET # GET k*", "SORT <k> BY k*->a DESC", "SORT <k> BY k*->a LIMIT <n> <n>",
        "!SORT <k> BY k* ALPHA", "!SORT <k> BY nosort GET # GET k*->1", "SORT <l> BY nosort LIMIT <n> <n>",
        "SORT <l> BY nosort DESC LIMIT <n> <n> GET #", "SORT <z> BY nosort LIMIT <n> <n>",
        "SORT <z> BY x DESC", "SORT <z> BY x DESC LIMIT <n> <n> GET k*", "SORT <k> ALPHA STORE <k>",
        "SORT <k> STORE <k>", "SORT <k> BY nosort STORE <k> GET k* GET #", "SORT <k> ALPHA GET k*-> GET k*->x->",
        "SORT <k> ALPHA GET x GET *", "SORT_RO <k> ALPHA DESC", "SORT_RO <k> STORE <k>", "SORT <k> <m>",
        "SORT <k> BY nosort ALPHA STORE <k>", "SORT <k> ALPHA LIMIT <n> <n> STORE <k>", "LRANGE <k> 0 -1",
    ],
    "connection": [
        "PING", "PING <m>", "ECHO <m>", "AUTH <m>", "AUTH default <m>", "AUTH <m> <m>", "CLIENT GETNAME",
        "CLIENT SETNAME <m>", "CLIENT NO-EVICT ON", "CLIENT NO-EVICT <m>", "CLIENT LIST TYPE master",
        "CLIENT LIST TYPE <m>", "CLIENT KILL TYPE replica", "CLIENT KILL <m>", "CLIENT UNBLOCK 999999",
        "CLIENT UNBLOCK 999999 <m>", "HELLO 4", "HELLO 2 SETNAME <m> <m>", "RESET",
    ],
    "server": [
        "COMMAND GETKEYS GET <k>", "COMMAND GETKEYS LMPOP 2 <k> <k> LEFT", "COMMAND GETKEYS <m> <k>",
        "COMMAND GETKEYSANDFLAGS SINTERSTORE <k> <k> <k>", "COMMAND GETKEYS OBJECT ENCODING <k>",
        "COMMAND INFO <m>", "COMMAND DOCS <m>", "COMMAND LIST FILTERBY MODULE <m>",
        "CONFIG GET hash-max-listpack-entries", "CONFIG GET <m>", "CONFIG SET databases <n>",
        "CONFIG SET hash-max-ziplist-value <m>x", "CONFIG SET proto-max-bulk-len x<m>", "CONFIG SET proto-max-bulk-len 512mb", "CONFIG SET <m> <m>",
        "CONFIG SET notify-keyspace-events KEA", "CONFIG GET notify-keyspace-events", "CONFIG RESETSTAT",
        "CONFIG SET set-max-intset-entries 512 <m> <m>", "INFO <m>",
        "CONFIG SET maxmemory-policy <m>", "CONFIG SET maxmemory <m>x", "CONFIG SET maxmemory-samples 5 <m> 1",
        "CONFIG SET latency-tracking <m>", "SLOWLOG RESET", "CONFIG REWRITE", "MODULE LIST", "MODULE LOAD <m>", "MODULE <m> <m>", "SLOWLOG GET -2", "SLOWLOG <m>",
        "SLOWLOG GET x", "SLOWLOG GET 0", "LATENCY LATEST", "LATENCY HISTORY <m>", "LATENCY RESET <m>", "LATENCY GRAPH <m>",
        "LATENCY HISTOGRAM <m>", "MEMORY USAGE nothing", "MEMORY USAGE nothing SAMPLES <n>", "MEMORY <m> <m>",
        "MEMORY USAGE nothing <m> <n>", "MEMORY PURGE", "DEBUG <m>", "DEBUG <m> <m>", "DEBUG OBJECT nothing",
        "DEBUG SLEEP 0", "DEBUG SET-ACTIVE-EXPIRE <n>", "DEBUG PROTOCOL <m>", "DEBUG PROTOCOL map",
        "DEBUG PROTOCOL set", "DEBUG PROTOCOL attrib", "DEBUG PROTOCOL verbatim", "DEBUG PROTOCOL bignum",
        "DEBUG PROTOCOL double", "DEBUG PROTOCOL true", "DEBUG PROTOCOL null", "DEBUG ERROR <m>",
        "DEBUG POPULATE <m>", "DEBUG POPULATE 3 <k> <n>", "DEBUG POPULATE <n>",
    ],
    "scripting": [
        "EVALSHA <m> <n> <k>", "EVALSHA_RO " + "0" * 40 + " <n> <k>", "EVAL <m> <n>x <k>", "FCALL <m> <n> <k>",
        "FCALL_RO <m> <n>", "SCRIPT EXISTS <m> <m>", "SCRIPT FLUSH", "SCRIPT FLUSH <m>", "SCRIPT KILL",
        "FUNCTION FLUSH", "FUNCTION FLUSH <m>", "FUNCTION LIST", "FUNCTION LIST LIBRARYNAME <m>",
        "FUNCTION LIST <m> <m>", "FUNCTION KILL", "FUNCTION DELETE <m>",
    ],
    "pubsub": [
        "PUBLISH <k> <m>", "SPUBLISH <k> <m>", "PUBSUB CHANNELS", "PUBSUB CHANNELS <m>", "PUBSUB NUMSUB <k> <k>",
        "PUBSUB NUMPAT", "PUBSUB SHARDCHANNELS", "PUBSUB SHARDNUMSUB <k>", "PUBSUB <m>",
        "CLIENT TRACKING ON", "CLIENT TRACKING OFF", "CLIENT TRACKING <m>", "CLIENT TRACKING ON <m>",
        "CLIENT TRACKING ON BCAST PREFIX <m> PREFIX <m>", "CLIENT TRACKING ON BCAST NOLOOP",
        "CLIENT TRACKING ON PREFIX <m>", "CLIENT TRACKING ON OPTIN", "CLIENT TRACKING ON OPTOUT NOLOOP",
        "CLIENT TRACKING ON REDIRECT 999999", "CLIENT TRACKINGINFO", "CLIENT GETREDIR", "CLIENT CACHING YES",
        "CLIENT CACHING NO", "CLIENT CACHING <m>", "CLIENT PAUSE <m> what", "CLIENT UNPAUSE", "SET <k> <m>", "GET <k>",
    ],
    "transactions": ["MULTI", "EXEC", "EXEC", "DISCARD", "WATCH <k>", "UNWATCH"],
}
# Replies that hold a time, and by how much it may differ.
# These are not cut short: without their count they give any one of several, or
# tell of what is only here.
BY_CHANCE = {"SLOWLOG", "SPOP", "SRANDMEMBER", "HRANDFIELD", "ZRANDMEMBER", "HELLO", "COMMAND", "INFO", "LATENCY"}
NEARLY = {"XPENDING", "XINFO"}
ABOUT_NOW = {"TTL": 5, "PTTL": 5000, "EXPIRETIME": 5, "PEXPIRETIME": 5000}


class Peer:
    def __init__(self, path, protocol):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")
        self.early = []
        if protocol == 3:
            self.ask(["HELLO", "3"])

    def send(self, argv):
        out = [b"*%d\r\n" % len(argv)]
        for arg in argv:
            data = arg if isinstance(arg, bytes) else arg.encode()
            out.append(b"$%d\r\n%s\r\n" % (len(data), data))
        self.socket.sendall(b"".join(out))

    def read(self):
        if self.early:
            return self.early.pop(0)
        return self.parse()

    def parse(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError("the connection has ended")
        kind, text = line[:1], line[1:-2]
        if kind in b"$=!":
            n = int(text)
            return None if n < 0 else self.file.read(n + 2)[:-2]
        if kind == b"|":
            return (kind.decode(), [self.parse() for _ in range(2 * int(text) + 1)])
        if kind in b"*~>%":
            n = int(text) * (2 if kind == b"%" else 1)
            return (kind.decode(), None if n < 0 else [self.parse() for _ in range(n)])
        if kind == b":":
            return int(text)
        return (kind.decode(), text)

    def ask(self, argv):
        self.send(argv)
        return self.read()

    def ask_apart(self, argv):
        """The answer, and what it is told unasked before that comes."""
        self.send(argv)
        told = [self.read()]
        while isinstance(told[-1], tuple) and told[-1][0] == ">":
            told.append(self.read())
        return told.pop(), told

    def ask_aside(self, argv):
        """What it is told before the answer comes when it is next read."""
        self.send(argv)
        told = [self.parse()]
        while isinstance(told[-1], tuple) and told[-1][0] == ">":
            told.append(self.parse())
        self.early += told[:-1]


def sort_key(value):
    return repr(value)


def unordered(value):
    """For what Redis gives in no order."""
    if isinstance(value, tuple) and isinstance(value[1], list):
        items = value[1]
        if value[0] == "%":
            pairs = sorted(zip(items[::2], items[1::2]), key=sort_key)
            return (value[0], pairs)
        return (value[0], sorted((unordered(item) for item in items), key=sort_key))
    return value


def pairs_of(reply):
    items = reply[1]
    return sorted(zip(items[::2], items[1::2]), key=sort_key)


def without_times(value):
    """Numbers that are points in time are one and the same."""
    if isinstance(value, tuple) and isinstance(value[1], list):
        return (value[0], [without_times(item) for item in value[1]])
    return "now" if isinstance(value, int) and 10**12 < value < 10**13 else value


def nearly(ours, theirs, is_time=False):
    """Equal, but for how long something was pending or idle."""
    if isinstance(ours, tuple) and isinstance(theirs, tuple) and isinstance(ours[1], list):
        a, b = ours[1], theirs[1]
        return (ours[0] == theirs[0] and len(a) == len(b)
                and all(nearly(a[i], b[i], (len(a) == 4 and i == 2) or a[i - 1] == b"idle")
                        for i in range(len(a))))
    if is_time and isinstance(ours, int) and isinstance(theirs, int):
        return ours == theirs or (min(ours, theirs) >= 0 and abs(ours - theirs) < 5000)
    return ours == theirs


READERS = {
    b"string": lambda peer, key: peer.ask(["GET", key]),
    b"list": lambda peer, key: peer.ask(["LRANGE", key, "0", "-1"]),
    b"hash": lambda peer, key: pairs_of(peer.ask(["HGETALL", key])),
    b"set": lambda peer, key: unordered(peer.ask(["SMEMBERS", key])),
    b"zset": lambda peer, key: peer.ask(["ZRANGE", key, "0", "-1", "WITHSCORES"]),
    b"stream": lambda peer, key: without_times(peer.ask(["XINFO", "STREAM", key, "FULL", "COUNT", "0"])),
}


def contents(peer):
    """All that a peer holds: by database and name, the type, the value, whether it expires."""
    found = {}
    for number in range(2):
        peer.ask(["SELECT", str(number)])
        for key in sorted(peer.ask(["KEYS", "*"])[1]):
            kind = peer.ask(["TYPE", key])[1]
            found[number, key] = (kind, READERS[kind](peer, key), peer.ask(["PTTL", key]) >= 0,
                                  peer.ask(["OBJECT", "ENCODING", key]))
    return found


class Ear:
    """What happens to keys, as it is published."""
    MARK = "__keymark@0__:"

    def __init__(self, path):
        self.listener, self.voice = Peer(path, 2), Peer(path, 2)
        self.listener.ask(["PSUBSCRIBE", "__key*@*__:*"])

    def heard(self):
        """All since the last time: what is said in between is before our own mark."""
        self.voice.send(["PUBLISH", self.MARK, ""])
        events = []
        while True:
            channel, message = self.listener.read()[1][2:]
            if channel == self.MARK.encode():
                break
            events.append((channel, message))
        self.voice.read()
        return events


class Commands:
    """Drawn by chance from templates."""

    def __init__(self, seed, templates):
        self.chance = random.Random(seed)
        self.templates = templates
        self.ids = ["1-1"]

    def draw(self, what):
        chance = self.chance
        if what == "j":
            return chance.choice("00011267")
        if what == "a":
            ms = int(self.ids[-1].split("-")[0]) + chance.choice([0, 0, 1, 1, 2, 300])
            self.ids = [*self.ids[-40:], f"{ms}-{chance.choice([0, 1, 2, 5, 70000])}"]
            return self.ids[-1]
        if what == "s":
            return chance.choice(self.ids)
        if chance.random() < 0.01:
            return chance.choice(BAD)
        return chance.choice(HOLES[what])

    def command(self):
        template = self.chance.choice(self.templates)
        unsorted_reply = template.startswith("!")
        words = template.lstrip("!").split(" ")
        argv = [re.sub("<(.)>", lambda hole: self.draw(hole[1]), word) for word in words]
        if self.chance.random() < 0.005:
            argv.append(self.chance.choice(BAD))
        if self.chance.random() < 0.005 and len(argv) > 1 and argv[0] not in BY_CHANCE:
            argv.pop()
        # where Redis 7.0 negates the smallest number, and we say that it is out of range
        # (LPOS), or takes it for too large (BITFIELD with SAT), and we do not
        if argv[0] in ("LPOS", "BITFIELD") and "-9223372036854775808" in argv:
            return self.command()
        # both would make that many keys; and for values as large as that redis-server ends
        if argv[:2] == ["DEBUG", "POPULATE"] and any(len(word) > 3 for word in argv[2:]):
            return self.command()
        return argv, unsorted_reply


class Oracle(Commands):
    def __init__(self, args, seed):
        super().__init__(seed, [t for group in args.group or TEMPLATES for t in TEMPLATES[group]])
        self.seed = seed
        protocol = args.protocol or 2 + (seed + 1) % 2
        self.ours = Peer(args.ours, protocol)
        self.theirs = Peer(args.theirs, protocol)
        self.heard = [[], []]
        self.ears = [Ear(args.ours), Ear(args.theirs)]
        self.history = []

    def ask(self, argv):
        """Of both, the answers; what they are told unasked is kept for told()."""
        answers = []
        for peer, heard in zip((self.ours, self.theirs), self.heard):
            answer, told = peer.ask_apart(argv)
            heard += told
            answers.append(answer)
        return answers

    def told(self):
        """What both have been told unasked until now, but for its order. CLIENT ID comes behind it, and is
        not the command that CLIENT CACHING is about."""
        self.ask(["CLIENT", "ID"])
        told = [sorted(map(unordered, heard), key=sort_key) for heard in self.heard]
        self.heard = [[], []]
        return told

    def differ(self, argv, ours, theirs):
        print(f"seed {self.seed}, command {len(self.history)}: {' '.join(map(repr, argv))}")
        print(f"    ours:   {ours!r}")
        print(f"    theirs: {theirs!r}")
        words = {word for word in argv if word in KEYS}
        led = [past for past in self.history[:-1]
               if words & set(past) or past[0] in ("MULTI", "EXEC", "SELECT")]
        for past in led[-12:]:
            print(f"    after   {' '.join(map(repr, past))}")

    def run(self, n_commands):
        for peer in (self.ours, self.theirs):
            peer.ask(["FLUSHALL"])
            # on a busy machine any command may be a slow one
            peer.ask(["CONFIG", "SET", "notify-keyspace-events", "AKEnm", "hll-sparse-max-bytes", "3000",
                      "slowlog-log-slower-than", "-1"])
        in_multi = False
        for _ in range(n_commands):
            argv, unsorted_reply = self.command()
            self.history.append(argv)
            verb = argv[0].upper()
            if verb in ("SORT", "SORT_RO") and not in_multi:
                # Redis 7.0 takes an ERANGE that is left of another command for one of the elements
                self.theirs.ask_aside(["ZADD", "nothing", "XX", "1", "a"])
            ours, theirs = self.ask(argv)
            in_multi = (in_multi or verb == "MULTI") and verb not in ("EXEC", "DISCARD")
            if unsorted_reply or verb == "EXEC":
                ours, theirs = unordered(ours), unordered(theirs)
            if verb in ABOUT_NOW and isinstance(ours, int) and isinstance(theirs, int):
                if ours >= 0 and theirs >= 0 and abs(ours - theirs) <= ABOUT_NOW[verb]:
                    ours = theirs
            if verb in NEARLY and nearly(without_times(ours), without_times(theirs)):
                ours = theirs
            if ours != theirs and not (verb == "EXEC" and self.about_now()):
                self.differ(argv, ours, theirs)
                return False
            if "INVALIDOBJ" in repr(ours):
                # PFADD has put in what comes before the element that showed that the rest is broken;
                # ours changes nothing then
                self.ask(["FLUSHALL"])
            ours, theirs = (ear.heard() for ear in self.ears)
            # SMOVE: we need the new set first, in case memory is short. SORT asks about the elements
            # of a set in no order.
            if verb in ("SMOVE", "SORT", "SORT_RO", "EXEC"):
                ours, theirs = sorted(ours), sorted(theirs)
            if ours == theirs and not in_multi:
                ours, theirs = self.told()
                # a key that a BITFIELD makes which fails is told of only here, and what PFDEBUG changes
                if verb in ("BITFIELD", "PFDEBUG", "EXEC"):
                    ours = theirs
            if ours != theirs:
                self.differ(argv, ours, theirs)
                return False
        self.ask(["DISCARD"])
        self.ask(["CLIENT", "TRACKING", "OFF"])
        ours, theirs = contents(self.ours), contents(self.theirs)
        if ours != theirs:
            for name in sorted(set(ours) | set(theirs)):
                if ours.get(name) != theirs.get(name):
                    self.differ(["contents", repr(name)], ours.get(name), theirs.get(name))
            return False
        return True

    def about_now(self):
        """Whether the transaction that has just ended asked for a time."""
        for past in reversed(self.history[:-1]):
            if past[0] in ABOUT_NOW or past[0] in NEARLY:
                return True
            if past[0] == "MULTI":
                return False
        return False


def compare(args):
    n_bad = 0
    for seed in range(args.seed, args.seed + args.runs):
        n_bad += not Oracle(args, seed).run(args.commands)
    print(f"# {args.runs - n_bad} of {args.runs} runs without a difference")
    return n_bad == 0


def wait_for_socket(path, child):
    """A server has been started: until it listens."""
    while True:
        try:
            probe = socket.socket(socket.AF_UNIX)
            probe.connect(path)
            probe.close()
            return
        except (FileNotFoundError, ConnectionRefusedError):
            if child.poll() is not None:
                sys.exit(f"{child.args[0]} has ended with {child.returncode}")
            time.sleep(0.01)


def serve_both(tool, test):
    """A context and a redis-server, for as long as the test runs with their paths."""
    redis = shutil.which("redis-server")
    if not redis:
        print("1..0 # SKIP no redis-server")
        return True
    children = []
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = folder + "/ours", folder + "/theirs"
        commands = {
            ours: [tool, "context", "serve", "unix:" + ours],
            theirs: [redis, "--port", "0", "--unixsocket", theirs, "--save", "", "--dir", folder,
                     "--enable-debug-command", "yes"],
        }
        try:
            for path, command in commands.items():
                children.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
                wait_for_socket(path, children[-1])
            return test(ours, theirs)
        finally:
            for child in children:
                child.terminate()
                child.wait()


def compare_all(args):
    """Each group by itself, then all of them, in TAP. Redis looks only every 100 ms who has waited enough."""
    n_commands = args.commands
    groups = [[group] for group in TEMPLATES if group != "transactions"] + [None]
    n_bad = 0
    print(f"1..{len(groups)}")
    for number, group in enumerate(groups, 1):
        args.group = group
        args.commands = n_commands // 20 if group == ["waiting"] else n_commands
        good = compare(args)
        n_bad += not good
        name = group[0] if group else "all of them"
        print(f"{'ok' if good else 'not ok'} {number} - {name}", flush=True)
    return n_bad == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool", nargs="?")
    parser.add_argument("--ours")
    parser.add_argument("--theirs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--commands", type=int, default=4000)
    parser.add_argument("--group", action="append", choices=TEMPLATES)
    parser.add_argument("--protocol", type=int, choices=[2, 3])
    args = parser.parse_args()
    if args.tool:
        def test(ours, theirs):
            args.ours, args.theirs = ours, theirs
            return compare_all(args)

        good = serve_both(args.tool, test)
    elif args.ours and args.theirs:
        good = compare(args)
    else:
        parser.error("either a tool, or --ours and --theirs")
    sys.exit(not good)


if __name__ == "__main__":
    main()
