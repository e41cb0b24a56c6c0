#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The reader of HTTP/1.1 beside node's own (llhttp, strict), over the same bytes: the vectors, and
// messages that are put together and broken at random, the same ones in each run. What ours takes
// as whole messages, node's has to take as the same ones. The other way round there is no law: ours
// refuses more.
//     http1_oracle.js PROGRAM VECTORS [CASES]
'use strict';

process.noDeprecation = true;
const { spawn } = require('child_process');
const fs = require('fs');
const path = require('path');
const { HTTPParser, methods } = process.binding('http_parser');

const [program, vectors, n_cases = '4000'] = process.argv.slice(2);

// what ours says

const ours = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] });
let came = '';
let waiting = null;

ours.stdout.setEncoding('latin1');
ours.stdout.on('data', (text) => {
        came += text;
        if (waiting && came.endsWith('\n.\n')) {
                const done = waiting;
                const said = came.slice(0, -2);

                waiting = null;
                came = '';
                done(said);
        }
});

function ask(c) {
        return new Promise((resolve) => {
                waiting = resolve;
                ours.stdin.write(`${c.role} ${c.asked} ${c.bytes.length}\n`);
                ours.stdin.write(c.bytes);
        });
}

// Whole messages from what is said: { first, n_fields, body, n_after, upgrade }.
function understood(said) {
        const messages = [];
        let m = null;

        for (const line of said.split('\n')) {
                const [word] = line.split(' ', 1);
                const rest = line.slice(word.length + 1);

                if (word === 'request' || word === 'response') {
                        const value = (name) =>
                                unescape((` ${rest}`.match(` ${name}=([^ ]*)`) || [])[1] || '');

                        m = { fields: [], body: '', after: [] };
                        m.first = word === 'request' ? `${value('method')} ${value('target')}`
                                : `${value('status')} ${value('reason')}`;
                } else if (word === 'field' || word === 'after') {
                        (word === 'field' ? m.fields : m.after).push(unescape(rest));
                } else if (word === 'body') {
                        m.body = unescape(rest);
                } else if (word === 'end' || word === 'upgrade') {
                        messages.push(m);
                }
        }
        return messages;
}

// what node says

function node_says(c) {
        const p = new HTTPParser();
        const messages = [];
        let m = null, raw = [];
        const take = () => {
                const fields = [];

                for (let i = 0; i < raw.length; i += 2)
                        fields.push(`${raw[i]}=${raw[i + 1]}`);
                raw = [];
                return fields;
        };

        p.initialize(c.role === 'request' ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {}, 0, 0);
        p[HTTPParser.kOnHeaders] = (headers, url) => {
                raw.push(...headers);
                m = m || { body: '', url: '' };
                m.url += url;
        };
        p[HTTPParser.kOnHeadersComplete] =
                (major, minor, headers, method, url, status, reason, upgrade) => {
                m = { body: '', url: (m ? m.url : '') + (url || '') };
                raw.push(...(headers || []));
                m.fields = take();
                m.first = c.role === 'request' ? `${methods[method]} ${m.url}` : `${status} ${reason}`;
                const tunnel = c.asked === 'connect' && status >= 200 && status < 300;

                m.upgrade = upgrade || tunnel;
                return tunnel ? 2 : c.asked === 'head' ? 1 : 0;
        };
        p[HTTPParser.kOnBody] = (bytes) => { m.body += bytes.toString('latin1'); };
        p[HTTPParser.kOnMessageComplete] = () => {
                m.after = take();
                messages.push(m);
                m = null;
        };
        let r = p.execute(c.bytes);
        if (!(r instanceof Error) && !messages.some((x) => x.upgrade))
                r = p.finish() || r;
        p.free();
        return { messages, error: r instanceof Error ? r.code : null };
}

// the cases

let state = 20261121;
function random(n) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return Math.floor(state / 4294967296 * n);
}
const one_of = (list) => list[random(list.length)];

function from_vectors() {
        const cases = [];

        for (const file of fs.readdirSync(vectors).sort()) {
                let c = { role: 'request', asked: '-' };

                for (const line of fs.readFileSync(path.join(vectors, file), 'latin1').split('\n')) {
                        const [word] = line.split(' ', 1);
                        const rest = line.slice(word.length + 1);

                        if (line === '')
                                c = { role: 'request', asked: '-' };
                        else if (word === 'role' || word === 'asked')
                                c[word] = rest;
                        else if (word === 'text')
                                cases.push(Object.assign(c, { bytes: Buffer.from(rest.replace(
                                        /\\(x[0-9a-f]{2}|.)/g, (all, what) =>
                                                what[0] === 'x' && what.length === 3
                                                        ? String.fromCharCode(parseInt(what.slice(1), 16))
                                                : { r: '\r', n: '\n', t: '\t' }[what] || what), 'latin1') }));
                }
        }
        return cases;
}

const PARTS = ['\r\n', '\n', '\r', ' ', '\t', ':', ';', ',', '0', '1', 'f', '\0', '\x7f', '\xff', '"',
        '=', '\\', ';a=b', 'HTTP/1.0', '0\r\n\r\n', '5\r\nhello\r\n'];
const LINES = ['0\r\n', '5\r\nhello\r\n', '5\r\nhello\r\n', '3;a=b\r\nabc\r\n', 'X: y\r\n', 'X:\ty \r\n',
        'X: \xff\r\n', 'X:\r\n', 'Content-Length: 5\r\n', 'Content-Length:0\r\n', 'Host: b\r\n',
        'Transfer-Encoding: chunked\r\n', 'Transfer-Encoding:\tchunked \r\n', 'Connection: close\r\n',
        'Connection: keep-alive\r\n', 'Connection: ,x,\r\n', 'Expect: 100-continue\r\n', ' x\r\n',
        'GET / HTTP/1.1\r\n', 'HTTP/1.1 200 OK\r\n', 'Upgrade: a\r\nConnection: upgrade\r\n'];

function broken(seeds) {
        const seed = one_of(seeds);
        let text = seed.bytes.toString('latin1');

        for (let i = random(3); i >= 0; i--) {
                const at = random(text.length + 1);

                switch (random(8)) {
                case 0:
                        text = text.slice(0, at) + one_of(PARTS) + text.slice(at);
                        break;
                case 1:
                        text = text.slice(0, at) + text.slice(at + 1 + random(3));
                        break;
                case 2:
                        text += one_of(seeds).bytes.toString('latin1');
                        break;
                default: { // where a line begins, what may well be read
                        const line = text.indexOf('\r\n', at) + 2;

                        text = text.slice(0, line) + one_of(LINES) + text.slice(line);
                }
                }
        }
        return { ...seed, bytes: Buffer.from(text, 'latin1') };
}

// the law

function shown(m) {
        return JSON.stringify([m.first, m.fields, m.body, m.after]);
}

function check(c, said) {
        const mine = understood(said);
        const his = node_says(c);

        if (!/\nok[^\n]*\n$/.test(`\n${said}`) || mine.length === 0)
                return his.error || his.messages.length === 0 ? 'both' : 'ours';
        // node knows its methods, and no others
        if (c.role === 'request' && mine.some((m) => !methods.includes(m.first.split(' ')[0])))
                return 'method';
        // and after one that asks for another protocol it says no more
        const last = his.messages.findIndex((m) => m.upgrade);
        const n = last >= 0 ? last + 1 : mine.length;

        // RFC 9110 allows a tab behind any value
        if (his.error === 'HPE_INVALID_CONTENT_LENGTH' && c.bytes.includes('\t\r\n'))
                return 'tab';
        if (his.error && last < 0)
                throw new Error(`node refuses with ${his.error}`);
        if (his.messages.length < n)
                throw new Error(`node finds ${his.messages.length} messages`);
        for (let i = 0; i < n; i++)
                if (shown(mine[i]) !== shown(his.messages[i]))
                        throw new Error(`node finds ${shown(his.messages[i])}`);
        return 'taken';
}

async function main() {
        const seeds = from_vectors();
        const count = { both: 0, ours: 0, method: 0, tab: 0, taken: 0 };
        let n_bad = 0;

        console.log('1..2');
        for (const [name, n] of [['the vectors', seeds.length], ['broken at random', +n_cases]]) {
                const before = n_bad;

                for (let i = 0; i < n; i++) {
                        const c = name === 'the vectors' ? seeds[i] : broken(seeds);
                        const said = await ask(c);

                        try {
                                count[check(c, said)]++;
                        } catch (e) {
                                if (n_bad++ < 5)
                                        console.log(`# ${c.role} ${c.asked} ` +
                                                `${JSON.stringify(c.bytes.toString('latin1'))}\n` +
                                                `# ${said.trim().replace(/\n/g, '\n# ')}\n# ${e.message}`);
                        }
                }
                console.log(`${n_bad > before ? 'not ' : ''}ok ${name === 'the vectors' ? 1 : 2} - ${name}`);
        }
        console.log(`# taken alike ${count.taken}, refused alike ${count.both}, ` +
                `refused by ours only ${count.ours}, by node only ${count.method + count.tab}`);
        ours.stdin.end();
        process.exitCode = n_bad ? 1 : 0;
}

main();
