// A client without a certificate that has a person sign in: the official JavaScript libraries and their OAuth, straight at the proxy.
//
//   oauth.mjs MODULES v1|v2 URL
//
// NODE_EXTRA_CA_CERTS names who certified the proxy. Prints one JSON object a line: {"authorize": URL} when a browser is to go there, {"tools": [NAME…],
// "echo": what the tool said} when that was done; then, for each line that it reads, what came of it: `call` does the same again, `spoil` forgets the
// access token and keeps the refresh token, `tokens` shows both. {"error": words} is anything that went wrong.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [, , modules, line, url] = process.argv;
const require = createRequire(`${modules}/any.js`);
const say = value => console.log(JSON.stringify(value));

// Where the browser comes back to.
let arrived;
const arrival = new Promise(done => (arrived = done));
const site = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://127.0.0.1');
    response.setHeader('content-type', 'text/html');
    response.end('<title>Client</title><p>Back to the client</p>');
    if (pathname === '/callback') arrived(searchParams);
});
await new Promise(up => site.listen(0, '127.0.0.1', up));

const kept = {};
const provider = {
    redirectUrl: `http://127.0.0.1:${site.address().port}/callback`,
    get clientMetadata() {
        return { client_name: `JavaScript ${line}`, redirect_uris: [this.redirectUrl], grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none' };
    },
    state: () => (kept.state ??= 'a state & more'),
    clientInformation: () => kept.client,
    saveClientInformation: client => void (kept.client = client),
    tokens: () => kept.tokens,
    saveTokens: tokens => void (kept.tokens = tokens),
    redirectToAuthorization: to => say({ authorize: String(to) }),
    saveCodeVerifier: verifier => void (kept.verifier = verifier),
    codeVerifier: () => kept.verifier,
    saveDiscoveryState: state => void (kept.discovery = state),
    discoveryState: () => kept.discovery,
};

const library = {
    v1: () => ({ ...require('@modelcontextprotocol/sdk/client/index.js'), ...require('@modelcontextprotocol/sdk/client/streamableHttp.js'), options: {} }),
    v2: () => ({ ...require('@modelcontextprotocol/client'), options: { versionNegotiation: { mode: { pin: '2026-07-28' } } } }),
}[line]();

async function connect() {
    const client = new library.Client({ name: 'oauth', version: '1' }, library.options);
    const transport = new library.StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
    try {
        await client.connect(transport);
        return client;
    } catch (error) {
        if (!kept.verifier || kept.tokens) throw error;
    }
    const back = await arrival;
    if (back.get('error')) throw new Error(`sent back: ${back.get('error')} ${back.get('error_description')}`);
    if (back.get('state') !== kept.state) throw new Error('this is no answer to what was asked');
    await (line === 'v1' ? transport.finishAuth(back.get('code')) : transport.finishAuth(back));
    const again = new library.Client({ name: 'oauth', version: '1' }, library.options);
    await again.connect(new library.StreamableHTTPClientTransport(new URL(url), { authProvider: provider }));
    return again;
}

const use = async client => {
    const { tools } = await client.listTools();
    const said = await client.callTool({ name: 'echo', arguments: { message: 'by sign-in' } });
    return { tools: tools.map(tool => tool.name), echo: said.content[0].text };
};

try {
    const client = await connect();
    say(await use(client));
    for await (const word of createInterface({ input: process.stdin })) {
        try {
            if (word === 'spoil') kept.tokens = { ...kept.tokens, access_token: `${kept.tokens.access_token}x` };
            say(word === 'call' ? await use(client) : { tokens: kept.tokens });
        } catch (error) {
            say({ error: String(error?.message ?? error) });
        }
    }
} catch (error) {
    say({ error: String(error?.message ?? error), stack: error?.stack });
}
process.exit(0);
