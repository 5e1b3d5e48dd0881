// An MCP server of the modern era on Node's own HTTP server, with Node's own patience for idle connections (5 s). LOG gets a line for each request:
// `did METHOD on N`, where N is the number of its connection.
//
//   idle.mjs LOG
//
// The port is told on standard output (`port NUMBER`). Only what Node brings.

import { appendFileSync } from 'node:fs';
import http from 'node:http';

const [, , log] = process.argv;
const note = line => appendFileSync(log, `${line}\n`);
const about = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };

const server = http.createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const { id, method } = JSON.parse(Buffer.concat(parts).toString() || '{}');
    note(`did ${method} on ${request.socket.number}`);
    const result = {
        'server/discover': { supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, ...about },
        'tools/call': { content: [{ type: 'text', text: 'did echo' }], resultType: 'complete' },
    }[method];
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id, ...result ? { result } : { error: { code: -32601, message: 'no such method' } } }));
});
let connections = 0;
server.on('connection', socket => { socket.number = connections++; });
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
