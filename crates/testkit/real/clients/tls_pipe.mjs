// The proxy's TLS without anything above it: each connection to a loopback port becomes one to HOST:PORT with the certificate of an identity
// file, byte for byte in both directions, so that a test can say over HTTP exactly what it wants.
//
//   tls_pipe.mjs IDENTITY-FILE HOST:PORT
//
// The port is told on standard output (`port NUMBER`). Only what Node brings.

import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';

const [, , identity, target] = process.argv;
const [host, port] = [target.slice(0, target.lastIndexOf(':')), target.slice(target.lastIndexOf(':') + 1)];
const blocks = readFileSync(identity, 'utf8').match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g);
const key = blocks.find(block => block.includes('PRIVATE KEY'));
const [cert, ...ca] = blocks.filter(block => block.includes('BEGIN CERTIFICATE'));

const server = net.createServer({ allowHalfOpen: true }, near => {
    // The authorities are checked; the name is not, as the tests reach everything by its address.
    const far = tls.connect({ host, port, key, cert, ca, allowHalfOpen: true, checkServerIdentity: () => undefined });
    near.pipe(far).pipe(near);
    near.on('error', () => far.destroy());
    near.on('close', () => far.destroy());
    far.on('error', () => near.destroy());
    far.on('close', () => near.destroy());
});
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
