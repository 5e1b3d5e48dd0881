// A local way to the gateway's HTTP ingress for clients that have no certificate: adds the one of an identity file, and nothing else.
//
//   forwarder.mjs IDENTITY-FILE HOST:PORT PATH
//
// Listens on a loopback port that it tells on standard output (`port NUMBER`). Each request goes to https://HOST:PORT and PATH as it came: method,
// headers and body, but for the path and, where it names this listener, `Host`. What a page of a foreign origin or another host name would send
// arrives as such, so that the gateway is what judges it. Only what Node brings.

import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';

const [, , identity, target, path] = process.argv;
const [host, port] = [target.slice(0, target.lastIndexOf(':')), target.slice(target.lastIndexOf(':') + 1)];
const blocks = readFileSync(identity, 'utf8').match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g);
const key = blocks.find(block => block.includes('PRIVATE KEY'));
const [cert, ...ca] = blocks.filter(block => block.includes('BEGIN CERTIFICATE'));
// The authorities are checked; the name is not, as the tests reach everything by its address.
const agent = new https.Agent({ key, cert, ca, keepAlive: true, checkServerIdentity: () => undefined });

const server = http.createServer((request, response) => {
    const own = `127.0.0.1:${server.address().port}`;
    const headers = [...request.rawHeaders];
    for (let at = 0; at < headers.length; at += 2) {
        if (headers[at].toLowerCase() === 'host' && headers[at + 1] === own) headers[at + 1] = target;
        if (headers[at].toLowerCase() === 'origin' && headers[at + 1] === `http://${own}`) headers[at + 1] = `https://${target}`;
    }
    const forwarded = https.request({ agent, host, port, path, method: request.method, headers, setHost: false }, answer => {
        response.writeHead(answer.statusCode, answer.statusMessage, answer.rawHeaders);
        response.flushHeaders();
        answer.pipe(response);
        answer.on('error', () => response.destroy());
    });
    forwarded.on('error', cause => {
        if (response.headersSent) return response.destroy();
        response.writeHead(599, { 'content-type': 'text/plain' });
        response.end(`the gateway could not be asked: ${cause.message}\n`);
    });
    // A client that leaves takes its request with it: that is how one is cancelled.
    response.on('close', () => response.writableFinished || forwarded.destroy());
    request.pipe(forwarded);
});
server.requestTimeout = 0;
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
