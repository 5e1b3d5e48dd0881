// The grid's servers: the same surface (surface.mjs) in one era and over one transport, by the official JavaScript libraries.
//
//   server.mjs MODULES LOG legacy stdio|http|sse      @modelcontextprotocol/sdk 1.x: speaks 2024-11-05 to 2025-11-25, and nothing newer
//   server.mjs MODULES LOG modern stdio|http          @modelcontextprotocol/server 2.x: speaks 2026-07-28, and refuses anything older
//
// MODULES is the folder of node_modules that has the libraries. LOG gets a line for each tool that is called and each call that is cancelled.
// Over HTTP it takes any port and tells it on standard output: `port NUMBER`. Streamable HTTP is at /mcp, HTTP+SSE at /sse.

import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';

import { CAPABILITIES, INFO, INSTRUCTIONS, METHODS } from './surface.mjs';

const [, , modules, logFile, era, transport] = process.argv;
const require = createRequire(`${modules}/any.js`);
const note = line => appendFileSync(logFile, `${line}\n`);

const listen = handler => {
    const server = http.createServer((request, response) => {
        Promise.resolve(handler(request, response)).catch(cause => {
            note(`# ${cause.stack}`);
            if (!response.headersSent) response.writeHead(500);
            response.end();
        });
    });
    server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
};

const body = async request => {
    const parts = [];
    for await (const part of request) parts.push(part);
    return parts.length ? JSON.parse(Buffer.concat(parts).toString()) : undefined;
};

// ---- legacy ----------------------------------------------------------------------------------------------------------------------------------

function legacyServer() {
    const { Server } = require('@modelcontextprotocol/sdk/server/index.js');
    const types = require('@modelcontextprotocol/sdk/types.js');
    const schemas = {
        'tools/list': types.ListToolsRequestSchema, 'tools/call': types.CallToolRequestSchema,
        'resources/list': types.ListResourcesRequestSchema, 'resources/templates/list': types.ListResourceTemplatesRequestSchema,
        'resources/read': types.ReadResourceRequestSchema, 'prompts/list': types.ListPromptsRequestSchema,
        'prompts/get': types.GetPromptRequestSchema, 'completion/complete': types.CompleteRequestSchema,
    };
    const results = { 'elicitation/create': types.ElicitResultSchema, 'sampling/createMessage': types.CreateMessageResultSchema, 'roots/list': types.ListRootsResultSchema };
    const server = new Server(INFO, { capabilities: CAPABILITIES, instructions: INSTRUCTIONS });
    const watched = new Set();
    for (const [method, schema] of Object.entries(schemas)) {
        server.setRequestHandler(schema, (request, extra) => {
            const token = request.params?._meta?.progressToken;
            const io = {
                note, signal: extra.signal,
                progress: async (progress, total) =>
                    token === undefined ? undefined : extra.sendNotification({ method: 'notifications/progress', params: { progressToken: token, progress, total } }),
                log: (level, data) => server.sendLoggingMessage({ level, data, logger: 'grid' }, extra.sessionId),
                ask: (_key, { method: asked, params }) => extra.sendRequest({ method: asked, params }, results[asked]),
                toolsChanged: () => server.sendToolListChanged(),
                noteChanged: uri => (watched.has(uri) ? server.sendResourceUpdated({ uri }) : undefined),
            };
            return METHODS[method](request.params, io);
        });
    }
    server.setRequestHandler(types.SubscribeRequestSchema, request => (watched.add(request.params.uri), {}));
    server.setRequestHandler(types.UnsubscribeRequestSchema, request => (watched.delete(request.params.uri), {}));
    return server;
}

function legacyStdio() {
    const { StdioServerTransport } = require('@modelcontextprotocol/sdk/server/stdio.js');
    legacyServer().connect(new StdioServerTransport());
}

// Keeps every event, so that a stream can be taken up again.
function events() {
    const kept = [];
    return {
        storeEvent: async (stream, message) => `${stream}_${kept.push({ stream, message })}`,
        replayEventsAfter: async (last, { send }) => {
            const at = last.lastIndexOf('_');
            const stream = last.slice(0, at);
            for (const [index, event] of kept.entries()) {
                if (index >= Number(last.slice(at + 1)) && event.stream === stream) await send(`${stream}_${index + 1}`, event.message);
            }
            return stream;
        },
    };
}

function legacyHttp() {
    const { StreamableHTTPServerTransport } = require('@modelcontextprotocol/sdk/server/streamableHttp.js');
    const sessions = new Map();
    listen(async (request, response) => {
        const known = sessions.get(request.headers['mcp-session-id']);
        const sent = request.method === 'POST' ? await body(request) : undefined;
        note(`${request.method} ${sent?.method ?? ''} ${known ? 'in' : 'without'} a session`);
        if (known) return known.handleRequest(request, response, sent);
        if (sent?.method !== 'initialize') {
            response.writeHead(request.headers['mcp-session-id'] ? 404 : 400, { 'content-type': 'application/json' });
            return response.end('{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Session not found"}}');
        }
        const transport = new StreamableHTTPServerTransport({
            sessionIdGenerator: randomUUID, eventStore: events(), retryInterval: 50,
            onsessioninitialized: id => sessions.set(id, transport), onsessionclosed: id => (note('a session was ended'), sessions.delete(id)),
        });
        await legacyServer().connect(transport);
        return transport.handleRequest(request, response, sent);
    });
}

function legacySse() {
    const { SSEServerTransport } = require('@modelcontextprotocol/sdk/server/sse.js');
    const streams = new Map();
    listen(async (request, response) => {
        const url = new URL(request.url, 'http://localhost');
        if (request.method === 'GET' && url.pathname === '/sse') {
            const transport = new SSEServerTransport('/messages', response);
            streams.set(transport.sessionId, transport);
            response.on('close', () => (note('a stream was closed'), streams.delete(transport.sessionId)));
            return legacyServer().connect(transport);
        }
        const stream = streams.get(url.searchParams.get('sessionId'));
        if (request.method === 'POST' && url.pathname === '/messages' && stream) return stream.handlePostMessage(request, response);
        response.writeHead(url.pathname === '/messages' ? 400 : 404);
        return response.end();
    });
}

// ---- modern ----------------------------------------------------------------------------------------------------------------------------------

/** What a tool still needs to know: it is asked for in the result, and the call comes again. */
class Needed extends Error {
    constructor(key, request) {
        super(`${key} is needed`);
        Object.assign(this, { key, request });
    }
}

// State goes through the client: what was answered in former rounds.
const seal = answers => Buffer.from(JSON.stringify(answers)).toString('base64url');
const open = state => (state === undefined ? {} : JSON.parse(Buffer.from(state, 'base64url').toString()));

function modernServer(changes) {
    const { Server, inputRequired } = require('@modelcontextprotocol/server');
    const server = new Server(INFO, { capabilities: CAPABILITIES, instructions: INSTRUCTIONS, cacheHints: { 'tools/list': { ttlMs: 60000, cacheScope: 'public' } } });
    for (const method of Object.keys(METHODS)) {
        server.setRequestHandler(method, async (request, ctx) => {
            const token = ctx.mcpReq._meta?.progressToken;
            const answers = { ...open(ctx.mcpReq.requestState?.()), ...ctx.mcpReq.inputResponses };
            const io = {
                note, signal: ctx.mcpReq.signal,
                progress: async (progress, total) =>
                    token === undefined ? undefined : ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken: token, progress, total } }),
                log: (level, data) => ctx.mcpReq.log(level, data, 'grid'),
                ask: async (key, asked) => {
                    if (answers[key] === undefined) throw new Needed(key, asked);
                    return answers[key];
                },
                toolsChanged: () => (changes ? changes().toolsChanged() : server.sendToolListChanged()),
                noteChanged: uri => (changes ? changes().resourceUpdated(uri) : server.sendResourceUpdated({ uri })),
            };
            try {
                return await METHODS[method](request.params, io);
            } catch (cause) {
                if (!(cause instanceof Needed)) throw cause;
                return inputRequired({ inputRequests: { [cause.key]: cause.request }, requestState: seal(answers) });
            }
        });
    }
    return server;
}

function modernStdio() {
    const { serveStdio } = require('@modelcontextprotocol/server/stdio');
    serveStdio(() => modernServer(), { legacy: 'reject', onerror: cause => note(`# ${cause.message}`) });
}

function modernHttp() {
    const { createMcpHandler } = require('@modelcontextprotocol/server');
    const { toNodeHandler } = require('@modelcontextprotocol/node');
    const handler = createMcpHandler(() => modernServer(() => handler.notify), { legacy: 'reject', onerror: cause => note(`# ${cause.message}`) });
    const node = toNodeHandler(handler);
    listen((request, response) => {
        if (request.url !== '/mcp') {
            response.writeHead(404);
            return response.end();
        }
        return node(request, response);
    });
}

({ legacy: { stdio: legacyStdio, http: legacyHttp, sse: legacySse }, modern: { stdio: modernStdio, http: modernHttp } })[era][transport]();
