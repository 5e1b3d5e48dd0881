// The same as fooled.py, reading JSON as JavaScript does: of repeated keys the last one counts, bytes that are no UTF-8 are replaced, a byte-order
// mark is dropped, integers beyond 2^53 are rounded, and `__proto__` becomes what it says when an object is copied.
//
//   fooled.mjs LOG stdio|http
//
// Only what Node brings.

import { appendFileSync } from 'node:fs';
import http from 'node:http';
import { createInterface } from 'node:readline';

const [, , log, transport] = process.argv;
const LEGACY = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'];
const note = line => appendFileSync(log, `${line.replaceAll('\n', ' ')}\n`);

function messages(text) {
    try {
        const read = JSON.parse(text.replace(/^\uFEFF/, ''));
        return Array.isArray(read) ? read : [read];
    } catch (cause) {
        note(`could not read: ${cause.message}`);
        return [];
    }
}

// Some libraries copy members one by one, which sets the prototype.
function copy(object) {
    const into = {};
    for (const key of Object.keys(object ?? {})) into[key] = object[key];
    return into;
}

function act(message) {
    if (typeof message?.method !== 'string') return undefined;
    const params = copy(message.params);
    note(`did ${message.method} ${params.name ?? ''}`);
    if (message.id === undefined || message.id === null) return undefined;
    const tools = ['echo', 'wipe'].map(name => ({ name, inputSchema: { type: 'object' } }));
    const about = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };
    const result = {
        initialize: {
            protocolVersion: LEGACY.includes(params.protocolVersion) ? params.protocolVersion : LEGACY.at(-1),
            capabilities: { tools: {} }, serverInfo: { name: 'fooled', version: '1' },
        },
        'server/discover': { supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, ...about },
        'tools/list': { tools, ...about },
        'tools/call': { content: [{ type: 'text', text: `did ${params.name}` }], resultType: 'complete' },
        ping: {},
    }[message.method];
    return JSON.stringify({ jsonrpc: '2.0', id: message.id, ...result ? { result } : { error: { code: -32601, message: 'no such method' } } });
}

const acted = text => messages(text).map(act).filter(answer => answer !== undefined);

if (transport === 'stdio') {
    createInterface({ input: process.stdin }).on('line', line => acted(line).forEach(answer => console.log(answer)));
} else {
    const server = http.createServer(async (request, response) => {
        const parts = [];
        for await (const part of request) parts.push(part);
        if (request.method !== 'POST') return response.writeHead(405).end();
        note(`got ${Object.entries(request.headers).map(([name, value]) => `${name}=${value}`).join(' ')}`);
        const answers = acted(Buffer.concat(parts).toString());
        if (answers.length === 0) return response.writeHead(202).end();
        response.writeHead(200, { 'content-type': 'application/json' });
        return response.end(answers.length === 1 ? answers[0] : `[${answers.join(',')}]`);
    });
    server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
}
