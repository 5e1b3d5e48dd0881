// A client without a certificate: the official JavaScript libraries, with a token in a header, straight at the proxy.
//
//   bearer.mjs MODULES v1|v2 URL HEADER < TOKEN
//
// NODE_EXTRA_CA_CERTS names who certified the proxy. Prints one JSON object: {"tools": [NAME…], "echo": what the tool said} or {"error": words}.

import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';

const [, , modules, line, url, header] = process.argv;
const require = createRequire(`${modules}/any.js`);
const token = (await text(process.stdin)).trim();
const requestInit = { headers: { [header]: header.toLowerCase() === 'authorization' ? `Bearer ${token}` : token } };

async function connect() {
    if (line === 'v1') {
        const { Client } = require('@modelcontextprotocol/sdk/client/index.js');
        const { StreamableHTTPClientTransport } = require('@modelcontextprotocol/sdk/client/streamableHttp.js');
        const client = new Client({ name: 'bearer', version: '1' });
        await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
        return client;
    }
    const { Client, StreamableHTTPClientTransport } = require('@modelcontextprotocol/client');
    const client = new Client({ name: 'bearer', version: '2' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
    return client;
}

try {
    const client = await connect();
    const { tools } = await client.listTools();
    const said = await client.callTool({ name: 'echo', arguments: { message: 'by token' } });
    console.log(JSON.stringify({ tools: tools.map(tool => tool.name), echo: said.content[0].text }));
    await client.close();
} catch (error) {
    console.log(JSON.stringify({ error: String(error?.message ?? error) }));
}
process.exit(0);
