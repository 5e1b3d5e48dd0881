// A SAML identity provider (samlp) on the loopback, with people whose attributes a test changes, that can be told to misbehave.
//
//   SAML_MODULES=<folder with node_modules> ACS=<where responses go> AUDIENCE=<for whom> node saml_provider.mjs
//
// Prints `port NUMBER` when it is ready; its metadata is at /metadata, and its name is the address of that. People sign in on its own page (login
// and password are the same word). It takes signed requests only, once it was told the certificate. On the loopback, for tests only: PUT /_ctl
// {"fault": NAME} has it misbehave from then on, {"users": {NAME: {…}}} changes what it says of somebody, {"rotate": true} gives it another key,
// {"requests": PEM} is the certificate that requests must be signed by, {"encrypt": {cert, algorithm}} has it encrypt.
// Faults: unsigned, wrong-key, wrong-audience, expired, wrong-recipient, wrong-destination, wrong-issuer, wrong-request, no-request, sha1, replay,
// same-id (every assertion has one ID), denied, transient, sign-response (which is none).
// At /start people begin by themselves. {"acs": URL} changes where responses go.
import { createRequire } from 'node:module';
import { execFileSync } from 'node:child_process';
import { createVerify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const load = createRequire(process.env.SAML_MODULES + '/');
const samlp = load('samlp'), express = load('express');
const { Saml20 } = load('saml'), create = Saml20.create;
Saml20.create = (options, done) => create.call(Saml20, fault === 'same-id' ? { ...options, uid: 'once' } : options, done);
const { AUDIENCE } = process.env;
let acs = process.env.ACS;
const keyPair = name => {
  const folder = mkdtempSync(join(tmpdir(), 'saml-'));
  const words = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`, '-keyout', join(folder, 'k'), '-out', join(folder, 'c')];
  execFileSync('openssl', words, { stdio: 'ignore' });
  const pair = { key: readFileSync(join(folder, 'k')), cert: readFileSync(join(folder, 'c')) };
  rmSync(folder, { recursive: true });
  return pair;
};
let ours = keyPair('provider'), fault = 'none', requests = null, encrypt = null, last = null;
const theirs = keyPair('somebody else');
const users = {
  alice: { email: 'alice@example.test', groups: ['eng', 'team-red'], mcp_tools: ['echo'], level: 7, active: true },
  bob: { email: 'bob@example.test', groups: ['sales'] },
};

function Mapper(user) { this.user = user; }
Mapper.prototype.getClaims = function () { return this.user.claims; };
Mapper.prototype.getNameIdentifier = function () {
  const format = fault === 'transient' ? 'transient' : 'persistent';
  return { nameIdentifier: this.user.id, nameIdentifierFormat: `urn:oasis:names:tc:SAML:2.0:nameid-format:${format}` };
};
Mapper.prototype.metadata = [];
const profileMapper = Object.assign(user => new Mapper(user), { prototype: Mapper.prototype, metadata: [] });

const app = express();
app.use(express.urlencoded({ extended: false }), express.json());
let origin;
const issuer = () => `${origin}/metadata`;

app.put('/_ctl', (request, response) => {
  const change = request.body;
  if (change.fault) fault = change.fault;
  if (change.acs) acs = change.acs;
  if (change.rotate) ours = keyPair('provider, later');
  if (change.requests !== undefined) requests = change.requests;
  if (change.encrypt !== undefined) encrypt = change.encrypt;
  Object.assign(users, change.users ?? {});
  response.json({ fault });
});

app.get('/metadata', (request, response, next) =>
  samlp.metadata({ issuer: issuer(), cert: ours.cert, profileMapper, redirectEndpointPath: '/sso', postEndpointPath: '/sso' })(request, response, next));

// Bindings, section 3.4.4.1: what is signed is the query as it is written.
function isSigned(url) {
  const query = url.slice(url.indexOf('?') + 1), end = query.indexOf('&Signature=');
  if (end < 0) return false;
  const signature = Buffer.from(decodeURIComponent(query.slice(end + '&Signature='.length)), 'base64');
  return createVerify('RSA-SHA256').update(query.slice(0, end)).verify(requests, signature);
}

function options(name) {
  const wrong = 'http://127.0.0.1:1/elsewhere', sha1 = fault === 'sha1';
  return {
    ...(fault === 'wrong-key' ? theirs : ours),
    issuer: fault === 'wrong-issuer' ? 'https://somebody.else' : issuer(),
    profileMapper,
    audience: fault === 'wrong-audience' ? 'https://somebody.else' : AUDIENCE,
    recipient: fault === 'wrong-recipient' ? wrong : acs,
    destination: fault === 'wrong-destination' ? wrong : acs,
    lifetimeInSeconds: fault === 'expired' ? -600 : 300,
    signAssertion: fault !== 'unsigned' && fault !== 'sign-response',
    signResponse: fault === 'sign-response',
    signatureAlgorithm: sha1 ? 'rsa-sha1' : 'rsa-sha256', digestAlgorithm: sha1 ? 'sha1' : 'sha256',
    ...(fault === 'wrong-request' ? { inResponseTo: '_another' } : {}),
    ...(encrypt ? { encryptionCert: encrypt.cert, encryptionPublicKey: encrypt.key, encryptionAlgorithm: encrypt.algorithm } : {}),
    getPostURL: (_audience, _dom, _request, done) => done(null, acs),
    getUserFromRequest: () => ({ id: name, claims: users[name] }),
    sessionIndex: `_${Date.now()}`,
    authnContextClassRef: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
    responseHandler: (made, _options, request, response) => {
      let text = made.toString();
      if (fault === 'no-request') text = text.replace(/ InResponseTo="[^"]*"/, '');
      if (fault === 'replay' && last) text = last;
      last = text;
      const state = String(request.query.RelayState ?? '').replace(/[^\w.:/-]/g, '');
      response.send(`<title>Provider</title><form method="post" action="${acs}"><input type="hidden" name="SAMLResponse" value="${Buffer.from(text).toString('base64')}">
        <input type="hidden" name="RelayState" value="${state}"><button>Go on</button></form>`);
    },
  };
}

app.get('/sso', (request, response) => {
  if (requests && !isSigned(request.originalUrl)) return response.status(403).send('the request is not signed by whom it should be');
  const address = request.originalUrl.replace(/&/g, '&amp;').replace(/"/g, '&quot;');
  return response.send(`<title>Provider</title><form method="post" action="${address}"><input name="login"><input name="password" type="password"><button>Sign in</button></form>`);
});

app.post('/sso', (request, response, next) => {
  const { login, password } = request.body;
  if (!users[login] || password !== login) return response.status(401).send('unknown');
  // The request stands in the address, not in the form.
  request.method = 'GET';
  request.body = {};
  if (fault === 'denied') {
    const say = {
      ...options(login), RelayState: request.query.RelayState, getPostURL: (_request, done) => done(null, acs),
      error: { code: 'urn:oasis:names:tc:SAML:2.0:status:Responder', description: 'the account is disabled' },
    };
    return samlp.sendError(say)(request, response, next);
  }
  return samlp.auth(options(login))(request, response, next);
});
// Somebody begins here: there is no request that the response could answer.
app.get('/start', (_request, response) =>
  response.send('<title>Provider</title><form method="post" action=""><input name="login"><input name="password" type="password"><button>Sign in</button></form>'));
app.post('/start', (request, response, next) => {
  const { login, password } = request.body;
  if (!users[login] || password !== login) return response.status(401).send('unknown');
  request.method = 'GET';
  request.body = {};
  return samlp.auth(options(login))(request, response, next);
});
app.use((error, _request, response, _next) => response.status(500).send(String(error.stack ?? error)));

const server = app.listen(0, '127.0.0.1', () => {
  origin = `http://127.0.0.1:${server.address().port}`;
  console.log(`port ${server.address().port}`);
});
