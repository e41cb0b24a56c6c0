#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What programs do with redis-py: redis_py.py HOST PORT"""
import sys

import redis

host, port = sys.argv[1], int(sys.argv[2])
r = redis.Redis(host=host, port=port, decode_responses=True, client_name="py")


def same(got, wanted):
    if got != wanted:
        raise AssertionError(f"{got!r} is not {wanted!r}")


def fails(error, fn, *args):
    try:
        fn(*args)
    except error:
        return
    raise AssertionError(f"{fn} did not fail")


r.flushall()
same(r.ping(), True)
same(r.set("key", "wört", ex=100), True)
same(r.get("key"), "wört")
same(r.set("key", "x", nx=True), None)
same(r.getex("key", px=5000), "wört")
same(0 < r.pttl("key") <= 5000, True)
same(r.incrbyfloat("f", 1.5), 1.5)
same(r.hset("hash", mapping={"a": 1, "b": 2}), 2)
same(r.hgetall("hash"), {"a": "1", "b": "2"})
same(r.rpush("list", "x", "y", "z"), 3)
same(r.lrange("list", 0, -1), ["x", "y", "z"])
same(r.lmove("list", "to", "LEFT", "RIGHT"), "x")
same(r.sadd("set", "m", "n"), 2)
same(r.smembers("set"), {"m", "n"})
same(r.zadd("zset", {"one": 1, "two": 2.5}), 2)
same(r.zrange("zset", 0, -1, withscores=True), [("one", 1.0), ("two", 2.5)])
same(r.zadd("zset", {"one": 3}, incr=True), 4.0)
same(r.type("zset"), "zset")
same(r.setbit("bits", 7, 1), 0)
same(r.bitcount("bits"), 1)
same(r.pfadd("seen", "a", "b"), 1)
same(r.pfcount("seen"), 2)

with r.pipeline() as pipe:
    same(pipe.set("t", 1).incr("t").get("t").execute(), [True, 2, "2"])
with r.pipeline(transaction=False) as pipe:
    for i in range(500):
        pipe.set(f"p:{i}", i)
    same(pipe.execute(), [True] * 500)
same(len(set(r.scan_iter("p:*", count=100))), 500)

with r.pipeline() as pipe:
    pipe.watch("t")
    r.set("t", 9)
    pipe.multi()
    pipe.get("t")
    fails(redis.WatchError, pipe.execute)
same(r.transaction(lambda pipe: (pipe.multi(), pipe.incr("t")), "t"), [10])

listener = r.pubsub()
listener.subscribe("news")
listener.psubscribe("new*")
same([listener.get_message(timeout=60)["type"] for _ in range(2)], ["subscribe", "psubscribe"])
same(r.publish("news", "hello"), 2)
same(sorted(listener.get_message(timeout=60)["type"] for _ in range(2)), ["message", "pmessage"])
listener.close()

r.rpush("queue", "job")
same(r.blpop("queue", timeout=60), ("queue", "job"))
same(r.blpop("queue", timeout=0.01), None)

entry = r.xadd("stream", {"field": "value"})
same(r.xread({"stream": 0}), [["stream", [(entry, {"field": "value"})]]])
same(r.xgroup_create("stream", "group", id="0"), True)
same(r.xreadgroup("group", "me", {"stream": ">"})[0][1][0][0], entry)
same(r.xpending("stream", "group")["pending"], 1)
same(r.xack("stream", "group", entry), 1)
same(r.geoadd("places", (13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania")), 2)
same(round(r.geodist("places", "Palermo", "Catania", unit="km")), 166)

same(r.sort("list", alpha=True, desc=True), ["z", "y"])
same(r.restore("again", 0, redis.Redis(host=host, port=port).dump("hash")), "OK")
same(r.hgetall("again"), {"a": "1", "b": "2"})
fails(redis.ResponseError, r.lpush, "key", "x")
fails(redis.ResponseError, r.execute_command, "NONSENSE")
same(r.info("server")["redis_version"][:2], "7.")
same(r.info("keyspace")["db0"]["expires"] >= 0, True)
same(r.config_get("maxmemory"), {"maxmemory": "0"})
same(r.client_getname(), "py")
same(r.object("encoding", "hash"), "listpack")
same(r.memory_usage("hash") > 0, True)
same(r.slowlog_len() >= 0, True)
same(r.command_count() > 150, True)
same(r.debug_object("key")["encoding"], "embstr")
same("py" in {one["name"] for one in r.client_list()}, True)
