// SPDX-License-Identifier: Apache-2.0
// What programs do with the package `ioredis`: node ioredis.js HOST PORT
const assert = require('node:assert/strict');
const { Redis } = require('ioredis');

const [host, port] = process.argv.slice(2);

async function main() {
        const redis = new Redis({ host, port: Number(port), connectionName: 'io' });
        await redis.flushall();

        assert.equal(await redis.set('key', 'value', 'EX', 100), 'OK');
        assert.equal(await redis.get('key'), 'value');
        assert.deepEqual(await redis.getBuffer('key'), Buffer.from('value'));
        assert.equal(await redis.get('none'), null);
        assert.deepEqual(await redis.mset({ a: 1, b: 2 }), 'OK');
        assert.deepEqual(await redis.mget('a', 'b', 'c'), ['1', '2', null]);
        assert.equal(await redis.incr('n'), 1);
        await redis.hset('hash', { f: 'v', g: 'w' });
        assert.deepEqual({ ...(await redis.hgetall('hash')) }, { f: 'v', g: 'w' });
        await redis.zadd('zset', 1, 'one', 2, 'two');
        assert.deepEqual(await redis.zrange('zset', 0, -1), ['one', 'two']);
        await redis.sadd('set', 'm', 'n');
        assert.deepEqual((await redis.smembers('set')).sort(), ['m', 'n']);

        // pipelines and transactions
        assert.deepEqual(await redis.pipeline().set('p', '1').incr('p').lpush('p', 'x').exec().then((replies) =>
                replies.map(([error, reply]) => (error ? error.message.slice(0, 9) : reply))), ['OK', 2, 'WRONGTYPE']);
        assert.deepEqual(await redis.multi().set('t', '1').get('t').exec(), [[null, 'OK'], [null, '1']]);
        await redis.watch('t');
        const other = redis.duplicate();
        await other.set('t', '2');
        assert.equal(await redis.multi().get('t').exec(), null);

        // a walk
        for (let i = 0; i < 100; i++)
                await redis.set(`walk:${i}`, i);
        const names = new Set();
        for await (const keys of redis.scanStream({ match: 'walk:*', count: 20 }))
                keys.forEach((name) => names.add(name));
        assert.equal(names.size, 100);

        // a wait, and channels
        const waiting = other.brpop('queue', 0);
        await redis.lpush('queue', 'job');
        assert.deepEqual(await waiting, ['queue', 'job']);
        const listener = redis.duplicate();
        await listener.subscribe('news');
        const heard = new Promise((resolve) => { listener.on('message', (...words) => resolve(words)); });
        assert.equal(await redis.publish('news', 'hello'), 1);
        assert.deepEqual(await heard, ['news', 'hello']);

        // what it is told of keys
        await redis.config('SET', 'notify-keyspace-events', 'KEA');
        await listener.psubscribe('__keyspace@0__:*');
        const noticed = new Promise((resolve) => { listener.on('pmessage', (...words) => resolve(words)); });
        await redis.set('noticed', 1);
        assert.deepEqual(await noticed, ['__keyspace@0__:*', '__keyspace@0__:noticed', 'set']);

        const id = await redis.xadd('stream', '*', 'field', 'value');
        assert.deepEqual(await redis.xrange('stream', '-', '+'), [[id, ['field', 'value']]]);
        await assert.rejects(redis.lpush('key', 'x'), /WRONGTYPE/);
        await assert.rejects(redis.eval('return 1', 0), /no Lua/);
        assert.equal(await redis.client('GETNAME'), 'io');
        for (const one of [redis, other, listener])
                await one.quit();
}

main().catch((error) => {
        console.error(error);
        process.exit(1);
});
