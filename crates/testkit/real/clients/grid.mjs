// Walks through what the grid's servers offer (servers/grid), by the official JavaScript libraries, and prints what it saw.
//
//   grid.mjs MODULES v1 legacy         stdio COMMAND [ARG...]
//   grid.mjs MODULES v1 legacy         http|sse URL
//   grid.mjs MODULES v2 legacy|modern  stdio COMMAND [ARG...]
//   grid.mjs MODULES v2 legacy|modern  http URL
//
// v1 is @modelcontextprotocol/sdk 1.x, v2 @modelcontextprotocol/client 2.x. Standard output is one JSON object: {"version", "scenarios": {NAME:
// {"saw"} or {"error"}}}. What is seen depends on the server alone, and so is the same over every way and in both eras.

import { createRequire } from 'node:module';

const [, , modules, line, era, transport, ...target] = process.argv;
const require = createRequire(`${modules}/any.js`);
// Far above what anything takes on a busy machine: a lost message shows as this.
const LIMIT = { timeout: 60000 };
const NOTE = 'grid://notes/1';

const told = [];
const waiting = [];
const tell = message => {
    told.push(message);
    for (const wake of waiting.splice(0)) wake();
};
const until = async condition => {
    const end = Date.now() + LIMIT.timeout;
    while (!condition()) {
        if (Date.now() > end) throw new Error('what was waited for did not come');
        await new Promise(resolve => {
            waiting.push(resolve);
            setTimeout(resolve, 1000);
        });
    }
};

let elicited = [];
const ANSWERS = {
    'elicitation/create': request => {
        elicited.push(request.params.message);
        const name = Object.keys(request.params.requestedSchema.properties)[0];
        return answer === 'decline' ? { action: 'decline' } : { action: 'accept', content: { [name]: { name: 'Ada', colour: 'blue' }[name] } };
    },
    'sampling/createMessage': request => {
        const content = request.params.messages[0].content;
        const asked = (Array.isArray(content) ? content[0] : content).text;
        return { role: 'assistant', model: 'a-model', content: { type: 'text', text: `answer to <${asked}>` } };
    },
    'roots/list': () => ({ roots: [{ uri: 'file:///srv/one', name: 'one' }, { uri: 'file:///srv/two', name: 'two' }] }),
};
let answer = 'accept';
const TOLD = ['notifications/message', 'notifications/tools/list_changed', 'notifications/resources/updated'];
const CAPABILITIES = { elicitation: {}, sampling: {}, roots: { listChanged: true } };

const [client, version] = await { v1: connectV1, v2: connectV2 }[line]();

async function connectV1() {
    const sdk = path => require(`@modelcontextprotocol/sdk/${path}`);
    const { Client } = sdk('client/index.js');
    const types = sdk('types.js');
    const wire = {
        stdio: () => new (sdk('client/stdio.js').StdioClientTransport)({ command: target[0], args: target.slice(1) }),
        http: () => new (sdk('client/streamableHttp.js').StreamableHTTPClientTransport)(new URL(target[0])),
        sse: () => new (sdk('client/sse.js').SSEClientTransport)(new URL(target[0])),
    }[transport]();
    const client = new Client({ name: 'grid', version: '1' }, { capabilities: CAPABILITIES });
    const requests = { 'elicitation/create': types.ElicitRequestSchema, 'sampling/createMessage': types.CreateMessageRequestSchema, 'roots/list': types.ListRootsRequestSchema };
    for (const [method, schema] of Object.entries(requests)) client.setRequestHandler(schema, ANSWERS[method]);
    const notes = [types.LoggingMessageNotificationSchema, types.ToolListChangedNotificationSchema, types.ResourceUpdatedNotificationSchema];
    for (const schema of notes) client.setNotificationHandler(schema, tell);
    let negotiated;
    const keep = wire.setProtocolVersion?.bind(wire);
    wire.setProtocolVersion = version => ((negotiated = version), keep?.(version));
    await client.connect(wire, LIMIT);
    return [client, negotiated];
}

async function connectV2() {
    const { Client, StreamableHTTPClientTransport } = require('@modelcontextprotocol/client');
    const wire = {
        stdio: () => new (require('@modelcontextprotocol/client/stdio').StdioClientTransport)({ command: target[0], args: target.slice(1) }),
        http: () => new StreamableHTTPClientTransport(new URL(target[0])),
    }[transport]();
    const mode = era === 'modern' ? { pin: '2026-07-28' } : 'legacy';
    const client = new Client({ name: 'grid', version: '2' }, { capabilities: CAPABILITIES, versionNegotiation: { mode } });
    for (const [method, handler] of Object.entries(ANSWERS)) client.setRequestHandler(method, handler);
    for (const method of TOLD) client.setNotificationHandler(method, tell);
    await client.connect(wire, LIMIT);
    return [client, client.getNegotiatedProtocolVersion()];
}

const modern = era === 'modern';
const call = async (name, args = {}, options = {}) => {
    const { _meta, ...rest } = options;
    const params = { name, arguments: args, ..._meta && { _meta } };
    const settings = { ...LIMIT, ...rest };
    const result = line === 'v1' ? await client.callTool(params, undefined, settings) : await client.callTool(params, settings);
    return { ...result.isError && { isError: true }, text: result.content[0].text };
};
const refusal = async attempt => {
    try {
        await attempt;
    } catch (cause) {
        return { code: cause.code };
    }
    throw new Error('a refusal was expected');
};
const every = async (list, key) => {
    const pages = [];
    for (let cursor; pages.length === 0 || cursor; ) {
        const page = await list(cursor ? { cursor } : {}, LIMIT);
        pages.push(page[key].map(one => one.uri ?? one.uriTemplate ?? one.name));
        cursor = page.nextCursor;
    }
    return pages;
};

const SCENARIOS = {
    lists: async () => {
        const tools = (await every((...page) => client.listTools(...page), 'tools')).flat().filter(name => !name.startsWith('grown-'));
        // Version 2 of the library collects the pages of a list by itself.
        const resources = (await every((...page) => client.listResources(...page), 'resources')).flat();
        const templates = await every((...page) => client.listResourceTemplates(...page), 'resourceTemplates');
        const prompts = await every((...page) => client.listPrompts(...page), 'prompts');
        return { tools, resources, templates, prompts };
    },
    calls: async () => [await call('echo', { text: 'hé\u2028' }), await call('fail'), await refusal(client.callTool({ name: 'no-such-tool', arguments: {} }))],
    many: async () => (await Promise.all(Array.from({ length: 20 }, (_, at) => call('echo', { text: `${at}` })))).map(one => one.text),
    reading: async () => [(await client.readResource({ uri: NOTE })).contents[0].text, await refusal(client.readResource({ uri: 'grid://notes/99' }))],
    prompts: async () => (await client.getPrompt({ name: 'greet', arguments: { who: 'Ada' } })).messages[0].content.text,
    completion: async () => (await client.complete({ ref: { type: 'ref/prompt', name: 'greet' }, argument: { name: 'who', value: 'am' } })).completion.values,
    progress: async () => {
        const seen = [];
        const done = await call('slow', { steps: 5 }, { onprogress: ({ progress, total }) => seen.push([progress, total]) });
        // The library drops progress that it reads together with the result, so the last may be missing.
        return { begun: seen[0], inOrder: seen.every(([done], at) => done === at + 1), text: done.text };
    },
    cancellation: async () => {
        const stop = new AbortController();
        const given = call('slow', { steps: 3000 }, { signal: stop.signal, onprogress: () => stop.abort() });
        await refusal(given);
        return call('echo', { text: 'still here' });
    },
    elicitation: async () => {
        elicited = [];
        answer = 'accept';
        const accepted = await call('ask');
        answer = 'decline';
        const declined = await call('ask');
        answer = 'accept';
        return { accepted: accepted.text, declined: declined.text, elicited };
    },
    rounds: async () => {
        elicited = [];
        return { text: (await call('interview')).text, elicited };
    },
    sampling: async () => (await call('sample', { prompt: 'why?' })).text,
    roots: async () => (await call('roots')).text,
    logging: async () => {
        const logged = () => told.filter(one => one.method === 'notifications/message').map(one => `${one.params.level}: ${one.params.data}`);
        if (!modern) await client.setLoggingLevel('warning');
        await call('log', {}, modern ? { _meta: { 'io.modelcontextprotocol/logLevel': 'warning' } } : {});
        await until(() => logged().length >= 2);
        return logged();
    },
    subscriptions: async () => {
        const updated = () => told.filter(one => one.method === 'notifications/resources/updated').map(one => one.params.uri);
        const open = modern ? await client.listen({ resourceSubscriptions: [NOTE] }) : await client.subscribeResource({ uri: NOTE });
        await call('touch');
        await until(() => updated().length >= 1);
        await (modern ? open.close() : client.unsubscribeResource({ uri: NOTE }));
        return updated();
    },
    changes: async () => {
        const changed = () => told.filter(one => one.method === 'notifications/tools/list_changed').length;
        const open = modern ? await client.listen({ toolsListChanged: true }) : undefined;
        const { text } = await call('grow');
        await until(() => changed() >= 1);
        await open?.close();
        const listed = (await client.listTools({}, { ...LIMIT, ...line === 'v2' && { cacheMode: 'refresh' } })).tools.map(one => one.name);
        return listed.includes(text);
    },
};

const scenarios = {};
for (const [name, run] of Object.entries(SCENARIOS)) {
    try {
        scenarios[name] = { saw: await run() };
    } catch (cause) {
        scenarios[name] = { error: `${cause.stack ?? cause} ${JSON.stringify(cause.data ?? '')}` };
    }
}
console.log(JSON.stringify({ version, scenarios }));
await client.close();
process.exit(0);
