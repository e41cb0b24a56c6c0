// SPDX-License-Identifier: Apache-2.0
// What programs do with the package `redis`: node node_redis.js HOST PORT
const assert = require('node:assert/strict');
const { createClient } = require('redis');

const [host, port] = process.argv.slice(2);

async function main() {
        const client = createClient({ socket: { host, port: Number(port) }, name: 'node' });
        client.on('error', (error) => { throw error; });
        await client.connect();
        await client.flushAll();

        assert.equal(await client.set('key', 'wört', { EX: 100, NX: true }), 'OK');
        assert.equal(await client.set('key', 'other', { NX: true }), null);
        assert.equal(await client.get('key'), 'wört');
        assert.ok((await client.ttl('key')) > 90);
        assert.equal(await client.incrBy('n', 41), 41);
        assert.equal(await client.incrByFloat('n', 0.5), '41.5');
        assert.deepEqual(await client.mGet(['key', 'none']), ['wört', null]);

        assert.equal(await client.hSet('hash', { a: '1', b: '2' }), 2);
        assert.deepEqual({ ...(await client.hGetAll('hash')) }, { a: '1', b: '2' });
        assert.equal(await client.rPush('list', ['x', 'y', 'z']), 3);
        assert.deepEqual(await client.lRange('list', 0, -1), ['x', 'y', 'z']);
        assert.equal(await client.sAdd('set', ['m', 'n']), 2);
        assert.deepEqual((await client.sMembers('set')).sort(), ['m', 'n']);
        assert.equal(await client.zAdd('zset', [{ score: 1.5, value: 'p' }, { score: 2, value: 'q' }]), 2);
        assert.deepEqual(await client.zRangeWithScores('zset', 0, -1),
                [{ value: 'p', score: 1.5 }, { value: 'q', score: 2 }]);
        assert.equal(await client.zScore('zset', 'p'), 1.5);

        // a transaction, and one that is in the way of itself
        assert.deepEqual(await client.multi().set('t', '1').incr('t').get('t').exec(), ['OK', 2, '2']);
        const other = client.duplicate();
        await other.connect();
        await client.watch('t');
        await other.set('t', '9');
        await assert.rejects(client.multi().get('t').exec(), /Watch|watch/);

        // many at once go as one write
        const got = await Promise.all(Array.from({ length: 200 }, (_, i) => client.set(`p:${i}`, String(i))));
        assert.ok(got.every((reply) => reply === 'OK'));
        const names = [];
        for await (const keys of client.scanIterator({ MATCH: 'p:*', COUNT: 50 }))
                names.push(...[].concat(keys));
        assert.equal(new Set(names).size, 200);

        // a wait
        const waiting = other.blPop('queue', 0);
        await client.rPush('queue', 'job');
        assert.deepEqual({ ...(await waiting) }, { key: 'queue', element: 'job' });

        // channels
        const heard = [];
        let enough;
        const done = new Promise((resolve) => { enough = resolve; });
        const listener = client.duplicate();
        await listener.connect();
        const hear = (message, channel) => { heard.push([channel, message]); if (heard.length === 2) enough(); };
        await listener.subscribe('news', hear);
        await listener.pSubscribe('new*s', hear);
        assert.equal(await client.publish('news', 'hello'), 2);
        await done;
        assert.deepEqual(heard, [['news', 'hello'], ['news', 'hello']]);
        await listener.unsubscribe('news');

        // streams
        const id = await client.xAdd('stream', '*', { field: 'value' });
        assert.equal((await client.xRange('stream', '-', '+'))[0].message.field, 'value');
        await client.xGroupCreate('stream', 'group', '0');
        const read = await client.xReadGroup('group', 'me', { key: 'stream', id: '>' }, { COUNT: 1 });
        assert.equal(read[0].messages[0].id, id);
        assert.equal(await client.xAck('stream', 'group', id), 1);

        await assert.rejects(client.lPush('key', 'x'), /WRONGTYPE/);
        await assert.rejects(client.sendCommand(['NONSENSE']), /unknown command/);
        assert.match(await client.info('server'), /redis_version:7/);
        assert.equal(await client.clientGetName(), 'node');
        for (const one of [client, other, listener])
                await one.close();
}

main().catch((error) => {
        console.error(error);
        process.exit(1);
});
