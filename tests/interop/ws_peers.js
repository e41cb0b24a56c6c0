#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// WebSockets with those of npm's ws: its reader beside ours over the same bytes; its client at our
// service; and its server and client as a proxy, which cuts all otherwise, between our two sides.
//     ws_peers.js PROGRAM [CASES]        the tool is $BEAM_TOOL
'use strict';

const { spawn, execSync } = require('child_process');
const { randomBytes } = require('crypto');

const [program, n_cases = '3000'] = process.argv.slice(2);
const patience = 60000;
let n_tests = 0;

function ok(good, name) {
        console.log(`${good ? 'ok' : 'not ok'} ${++n_tests} - ${name}`);
        if (!good)
                process.exitCode = 1;
}

let WebSocket;
try {
        module.paths.push(execSync('npm root -g', { stdio: ['ignore', 'pipe', 'ignore'] }).toString().trim());
        WebSocket = require('ws');
} catch (e) {
        console.log('1..0 # SKIP ws of npm is not installed');
        process.exit(0);
}

// the readers

let state = 20261121;
function random(n) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return Math.floor(state / 4294967296 * n);
}
const one_of = (list) => list[random(list.length)];

const TEXTS = ['', 'a', 'hello', 'gr\u00fc\u00df', '\u20ac', '\u{1f600}!', 'x'.repeat(125), 'x'.repeat(126),
        'y'.repeat(300)];
const OPCODES = [0, 0, 1, 1, 1, 2, 2, 8, 9, 10, 3, 11];

function frame(masked) {
        const opcode = one_of(OPCODES);
        let payload = Buffer.from(one_of(TEXTS));

        if (opcode === 8 && random(4))
                payload = Buffer.concat([Buffer.from(one_of([[3, 232], [3, 233], [11, 184], [3, 237], [7, 208], [3]])),
                        payload.subarray(0, 20)]);
        if (opcode >= 8 && random(8))
                payload = payload.subarray(0, 125);
        if (random(12) === 0 && payload.length)
                payload[random(payload.length)] = random(256);
        const wide = payload.length > 125;
        const head = [(random(opcode >= 8 ? 12 : 3) ? 0x80 : 0) | (random(60) ? 0 : 0x40) | opcode,
                (masked !== (random(60) === 0) ? 0x80 : 0) | (wide ? 126 : payload.length)];

        if (wide)
                head.push(payload.length >> 8, payload.length & 255);
        if (head[1] & 0x80) {
                const mask = [random(256), random(256), 0, random(256)];

                head.push(...mask);
                payload = Buffer.from(payload.map((byte, i) => byte ^ mask[i % 4]));
        }
        return Buffer.concat([Buffer.from(head), payload]);
}

const escaped = (bytes) => Buffer.from(bytes).toString('latin1').replace(/[^!-$&-~]/g, (c) =>
        `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);

function his(side, bytes) {
        return new Promise((resolve) => {
                const r = new WebSocket.Receiver({ isServer: side === 'server', maxPayload: 16 << 20,
                        allowSynchronousEvents: true });
                const lines = [];
                let failed = false;

                r.on('message', (data, binary) => lines.push(`${binary ? 'binary' : 'text'} ${escaped(data)}`));
                r.on('ping', (data) => lines.push(`ping ${escaped(data)}`));
                r.on('pong', (data) => lines.push(`pong ${escaped(data)}`));
                r.on('conclude', (code, data) => lines.push(`close ${code} ${escaped(data)}`));
                r.on('error', () => { failed = true; });
                r.write(bytes);
                setImmediate(() => setImmediate(() => resolve({ lines, failed })));
        });
}

async function compare_readers() {
        const ours = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] });
        let came = '', done, n_bad = 0, n_whole = 0;

        ours.stdout.setEncoding('latin1');
        ours.stdout.on('data', (text) => {
                came += text;
                if (came.endsWith('\n.\n')) {
                        const said = came.slice(0, -3).split('\n');

                        came = '';
                        done(said);
                }
        });
        for (let i = 0; i < +n_cases; i++) {
                const side = one_of(['server', 'client']);
                let bytes = Buffer.concat(Array.from({ length: 1 + random(6) }, () => frame(side === 'server')));

                if (random(8) === 0)
                        bytes = bytes.subarray(0, random(bytes.length));
                const said = await new Promise((resolve) => {
                        done = resolve;
                        ours.stdin.write(`${side} ${bytes.length}\n`);
                        ours.stdin.write(bytes);
                });
                const end = said.pop(), mine = said.filter((line) => !line.endsWith('...'));
                const other = await his(side, bytes);
                const whole = !end.startsWith('error');
                const same = JSON.stringify(mine) ===
                        JSON.stringify(other.lines.slice(0, whole ? undefined : mine.length));

                // what ours takes ws takes as the same; what ours refuses, it does too, but text
                // that is not UTF-8 only when all of it has come
                n_whole += whole;
                if (!same || whole && other.failed || !whole && !other.failed && end !== 'error 1007') {
                        if (n_bad++ < 3)
                                console.log(`# ${side} ${bytes.toString('hex')}\n# ours ${mine} ${end}\n` +
                                        `# ws ${other.lines} ${other.failed}`);
                }
        }
        ours.stdin.end();
        ok(!n_bad, `the readers, ${n_whole} taken of ${n_cases}`);
}

// the tool

const running = [];

function serve() {
        const p = spawn(process.env.BEAM_TOOL, ['serve', '--print-url', 'ws://127.0.0.1:0/here', '--echo'],
                { stdio: ['ignore', 'pipe', 'inherit'] });

        running.push(p);
        return new Promise((resolve) => p.stdout.once('data', (text) => resolve(text.toString().trim())));
}

function run(args, input) {
        return new Promise((resolve) => {
                const p = spawn(process.env.BEAM_TOOL, args, { stdio: ['pipe', 'pipe', 'inherit'] });
                const parts = [];

                p.stdout.on('data', (part) => parts.push(part));
                p.on('close', (status) => resolve({ status, out: Buffer.concat(parts) }));
                p.stdin.on('error', () => {});
                p.stdin.end(input);
        });
}

// ws as a client

const PREFACE = Buffer.from('be414d0d0a1a0a01', 'hex');

function visit(url, protocols, act) {
        return new Promise((resolve) => {
                const c = new WebSocket(url, protocols);
                const seen = { status: 101, bytes: Buffer.alloc(0), pongs: [] };

                c.on('unexpected-response', (request, response) => {
                        response.resume();
                        resolve({ ...seen, status: response.statusCode });
                });
                c.on('error', () => resolve({ ...seen, status: -1 }));
                c.on('pong', (data) => seen.pongs.push(data.toString()));
                c.on('message', (data, binary) => {
                        seen.bytes = Buffer.concat([seen.bytes, data]);
                        if (binary && seen.bytes.length > 8)
                                act(c);
                        act = () => {};
                });
                c.on('close', (code) => resolve({ ...seen, protocol: c.protocol, code }));
        });
}

async function be_a_client(url) {
        let r = await visit(url, ['beam'], (c) => { c.ping('hi'); c.once('pong', () => c.close(1000)); });

        ok(r.bytes.subarray(0, 8).equals(PREFACE) && r.protocol === 'beam', 'ws opens a session');
        ok(r.pongs.join() === 'hi', 'a Ping is answered');
        ok(r.code === 1000, 'a Close is answered');
        r = await visit(url, [], (c) => c.send('text'));
        ok(r.code === 1003, 'a text is refused');
        r = await visit(url, [], (c) => c.send(Buffer.from('no session')));
        ok(r.code === 1002, 'what is no session is refused');
        ok((await visit(url, ['chat'])).status === 400, 'another protocol is refused');
        ok((await visit(url + '/more', ['beam'])).status === 404, 'another path is refused');
}

// ws as a proxy: its server for our client, its client at our server

function proxy(to) {
        const server = new WebSocket.Server({ host: '127.0.0.1', port: 0,
                handleProtocols: (offered) => [...offered][0] });

        server.on('connection', (front) => {
                const back = new WebSocket(to, ['beam']);
                const early = [];
                // into parts of any size, and each part into frames
                const pass = (from, other) => (data, binary) => {
                        for (let at = 0; at < data.length;) {
                                const n = 1 + random(3000), more = at + n < data.length && random(2);

                                other.send(data.subarray(at, at + n), { binary, fin: !more });
                                if (!more && random(3) === 0)
                                        other.ping('between');
                                at += n;
                        }
                };

                front.on('message', (data, binary) => {
                        if (back.readyState === WebSocket.OPEN)
                                pass(front, back)(data, binary);
                        else
                                early.push(data);
                });
                back.on('open', () => early.forEach((data) => pass(front, back)(data, true)));
                back.on('message', pass(back, front));
                front.on('close', (code) => back.close(code === 1005 || code === 1006 ? 1000 : code));
                back.on('close', (code) => front.close(code === 1005 || code === 1006 ? 1000 : code));
                front.on('error', () => back.terminate());
                back.on('error', () => front.terminate());
        });
        return new Promise((resolve) => server.on('listening', () =>
                resolve({ server, url: `ws://127.0.0.1:${server.address().port}/any` })));
}

async function be_a_proxy(url) {
        const { server, url: at } = await proxy(url);
        const large = randomBytes(700000);
        let r = await run(['call', at, 'hello']);

        ok(r.status === 0 && r.out.toString() === 'hello', 'a call through a proxy');
        r = await run(['call', at], large);
        ok(r.status === 0 && r.out.equals(large), 'a large one');
        r = await run(['pipe', at], large);
        ok(r.status === 0 && r.out.equals(large), 'a stream');
        const many = await Promise.all(Array.from({ length: 8 }, (x, i) => run(['call', at, `call ${i}`])));
        ok(many.every((one, i) => one.status === 0 && one.out.toString() === `call ${i}`), 'eight at once');
        server.close();
}

async function main() {
        const url = await serve();

        await compare_readers();
        await be_a_client(url);
        await be_a_proxy(url);
        console.log(`1..${n_tests}`);
}

setTimeout(() => {
        console.log('Bail out! not over in time');
        running.forEach((p) => p.kill());
        process.exit(1);
}, patience).unref();
main().finally(() => running.forEach((p) => p.kill()));
