// What the grid's servers offer, in whatever era and over whatever transport: one of everything that the protocol has, with the same words
// everywhere, so that what a client sees does not depend on what is between it and the server.
//
// `io` is what a tool may do meanwhile: io.progress(n, total), io.log(level, data), io.ask(key, request), io.toolsChanged(), io.noteChanged(uri),
// io.signal, io.note(text).

const text = value => ({ content: [{ type: 'text', text: value }] });
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));
const NOTE = 'grid://notes/';
const NOTES = 5;
const PAGE = 2;
const COLOURS = ['amber', 'amaranth', 'blue', 'green'];

let grown = 0;

const question = (message, name) => ({
    method: 'elicitation/create',
    params: { mode: 'form', message, requestedSchema: { type: 'object', properties: { [name]: { type: 'string' } }, required: [name] } },
});

const TOOLS = {
    echo: ({ text: value }) => text(`echo: ${value}`),
    fail: () => ({ ...text('it failed, as it was asked to'), isError: true }),
    // Counts, with progress; ends early when it is cancelled.
    slow: async ({ steps, pause = 20 }, io) => {
        for (let step = 1; step <= steps; step += 1) {
            await sleep(pause);
            if (io.signal.aborted) {
                io.note('slow was cancelled');
                return text('cancelled');
            }
            await io.progress(step, steps);
        }
        return text(`counted to ${steps}`);
    },
    ask: async (_arguments, io) => {
        const answer = await io.ask('name', question('Who is there?', 'name'));
        return text(answer.action === 'accept' ? `hello ${answer.content.name}` : answer.action);
    },
    interview: async (_arguments, io) => {
        const name = await io.ask('name', question('Who is there?', 'name'));
        const colour = await io.ask('colour', question(`Which colour, ${name.content.name}?`, 'colour'));
        return text(`${name.content.name} likes ${colour.content.colour}`);
    },
    sample: async ({ prompt }, io) => {
        const messages = [{ role: 'user', content: { type: 'text', text: prompt } }];
        const answer = await io.ask('sample', { method: 'sampling/createMessage', params: { messages, maxTokens: 7 } });
        const content = Array.isArray(answer.content) ? answer.content[0] : answer.content;
        return text(`${answer.model}: ${content.text}`);
    },
    roots: async (_arguments, io) => {
        const answer = await io.ask('roots', { method: 'roots/list' });
        return text(answer.roots.map(root => root.uri).join(' '));
    },
    log: async (_arguments, io) => {
        await io.log('debug', 'a debug line');
        await io.log('warning', 'a warning');
        await io.log('error', 'an error');
        return text('logged');
    },
    grow: async (_arguments, io) => {
        grown += 1;
        await io.toolsChanged();
        return text(`grown-${grown}`);
    },
    touch: async (_arguments, io) => {
        await io.noteChanged(`${NOTE}1`);
        return text('touched');
    },
};

const PROPERTIES = { echo: { text: 'string' }, slow: { steps: 'integer', pause: 'integer' }, sample: { prompt: 'string' } };
const tool = name => {
    const properties = Object.fromEntries(Object.entries(PROPERTIES[name] ?? {}).map(([key, type]) => [key, { type }]));
    return { name, description: `the grid's ${name}`, inputSchema: { type: 'object', properties } };
};
const note = number => ({ uri: `${NOTE}${number}`, name: `note ${number}`, mimeType: 'text/plain' });

/** An error with a JSON-RPC code; both libraries answer with `code` and `message`. */
const refuse = (code, message) => Object.assign(new Error(message), { code });

export const INFO = { name: 'grid', version: '1.0.0' };
export const INSTRUCTIONS = 'One of everything.';
export const CAPABILITIES = {
    tools: { listChanged: true }, prompts: { listChanged: true }, resources: { subscribe: true, listChanged: true }, logging: {}, completions: {},
};

/** What answers each method. */
export const METHODS = {
    'tools/list': () => ({ tools: [...Object.keys(TOOLS).map(tool), ...Array.from({ length: grown }, (_, at) => tool(`grown-${at + 1}`))] }),
    'tools/call': async (params, io) => {
        const run = TOOLS[params.name];
        if (!run) throw refuse(-32602, `there is no tool ${params.name}`);
        io.note(`called ${params.name}`);
        return run(params.arguments ?? {}, io);
    },
    'resources/list': params => {
        const from = Number(params?.cursor ?? 0);
        const resources = Array.from({ length: NOTES }, (_, at) => note(at + 1)).slice(from, from + PAGE);
        return from + PAGE < NOTES ? { resources, nextCursor: String(from + PAGE) } : { resources };
    },
    'resources/templates/list': () => ({ resourceTemplates: [{ uriTemplate: `${NOTE}{number}`, name: 'note' }] }),
    'resources/read': params => {
        const number = Number(params.uri.slice(NOTE.length));
        if (!(params.uri.startsWith(NOTE) && number >= 1 && number <= NOTES)) throw refuse(-32602, `there is no resource ${params.uri}`);
        return { contents: [{ uri: params.uri, mimeType: 'text/plain', text: `this is note ${number}` }] };
    },
    'prompts/list': () => ({ prompts: [{ name: 'greet', arguments: [{ name: 'who', required: true }] }] }),
    'prompts/get': params => {
        if (params.name !== 'greet') throw refuse(-32602, `there is no prompt ${params.name}`);
        return { messages: [{ role: 'user', content: { type: 'text', text: `Greet ${params.arguments.who}.` } }] };
    },
    'completion/complete': params => {
        const values = COLOURS.filter(colour => colour.startsWith(params.argument.value));
        return { completion: { values, total: values.length, hasMore: false } };
    },
};
