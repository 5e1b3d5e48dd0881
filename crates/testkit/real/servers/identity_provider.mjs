// A certified OpenID Connect provider (oidc-provider) on the loopback, with people whose claims a test changes.
//
//   OIDC_MODULES=<folder with node_modules> CALLBACKS=<redirect URIs> [RESOURCE=<audience of access tokens>] [PORT=0] node identity_provider.mjs
//
// Prints `port NUMBER` when it is ready; its issuer is http://127.0.0.1:NUMBER. People sign in on its own page (login and password are the
// same word). On the loopback, for tests only: PUT /_ctl/users/NAME {"claims": {…}, "disabled": false, "token": {…}} changes somebody and what else access tokens say,
// GET /_ctl/token/NAME?resource=… gives an access token (a signed JWT, RFC 9068) as the provider makes it for NAME.
import http from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const modules = createRequire(process.env.OIDC_MODULES + '/');
const { Provider } = await import(pathToFileURL(modules.resolve('oidc-provider')));
const callbacks = (process.env.CALLBACKS ?? '').split(',').filter(Boolean);

const users = {
  alice: { claims: { email: 'alice@example.test', email_verified: true, name: 'Alice', groups: ['eng', 'team-red'], mcp_tools: ['echo'], level: 7, active: true, address: { country: 'IT' } } },
  bob: { claims: { email: 'bob@example.test', email_verified: true, name: 'Bob', groups: ['sales'] } },
  eve: { claims: { email: 'eve@example.test', email_verified: false, name: 'Eve', groups: ['eng'] } },
};

const server = http.createServer();
await new Promise(ready => server.listen(+(process.env.PORT ?? 0), '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

const key = (type, options, alg) => ({ ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), use: 'sig', alg, kid: `${alg}-${process.pid}` });
const jwks = { keys: [key('rsa', { modulusLength: 2048 }, 'RS256'), key('ec', { namedCurve: 'P-256' }, 'ES256'), key('ed25519', {}, 'EdDSA')] };
const client = (client_id, more) => ({
  client_id, client_secret: 'a secret: 50% &more+', redirect_uris: callbacks, response_types: ['code'], grant_types: ['authorization_code'],
  token_endpoint_auth_method: 'client_secret_basic', ...more,
});
const provider = new Provider(issuer, {
  jwks,
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA'] },
  clients: [
    client('gateway'),
    client('gateway-post', { token_endpoint_auth_method: 'client_secret_post', id_token_signed_response_alg: 'ES256' }),
    client('gateway-ed', { id_token_signed_response_alg: 'EdDSA' }),
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups', 'level', 'active', 'address'], mcp: ['mcp_tools'] },
  scopes: ['openid', 'email', 'profile', 'groups', 'mcp'],
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: false },
    userinfo: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, resource) => ({ scope: 'mcp', audience: resource, accessTokenTTL: 300, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
    },
  },
  ttl: { AccessToken: 300, IdToken: 300, AuthorizationCode: 60, Session: 3600, Grant: 3600, Interaction: 600 },
  cookies: { keys: ['for tests only'] },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: async (_ctx, id) => users[id] && !users[id].disabled ? { accountId: id, claims: () => ({ sub: id, ...users[id].claims }) } : undefined,
  extraTokenClaims: async (_ctx, token) => ({ email: users[token.accountId]?.claims.email, ...users[token.accountId]?.token }),
});

async function consent(details) {
  const { params, session, grantId, prompt } = details;
  const grant = (grantId && await provider.Grant.find(grantId)) || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (prompt.details.missingOIDCScope) grant.addOIDCScope(prompt.details.missingOIDCScope.join(' '));
  if (prompt.details.missingOIDCClaims) grant.addOIDCClaims(prompt.details.missingOIDCClaims);
  for (const [resource, scopes] of Object.entries(prompt.details.missingResourceScopes ?? {})) grant.addResourceScope(resource, scopes.join(' '));
  return { consent: { grantId: await grant.save() } };
}

// An access token as the provider itself would make it at the end of a flow.
async function token(name, resource) {
  const found = await provider.Client.find('gateway');
  const grant = new provider.Grant({ accountId: name, clientId: found.clientId });
  grant.addResourceScope(resource, 'mcp');
  const made = new provider.AccessToken({ accountId: name, client: found, grantId: await grant.save(), scope: 'mcp', aud: resource, gty: 'authorization_code' });
  made.resourceServer = new provider.ResourceServer(resource, { scope: 'mcp', audience: resource, accessTokenTTL: 300, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } });
  return made.save();
}

const read = request => new Promise(done => { let text = ''; request.on('data', part => { text += part; }); request.on('end', () => done(text)); });
const json = (response, status, value) => { response.writeHead(status, { 'content-type': 'application/json' }); response.end(JSON.stringify(value)); };
const handle = provider.callback();

server.on('request', async (request, response) => {
  try {
    const url = new URL(request.url, issuer), path = url.pathname.split('/');
    if (path[1] === '_ctl' && path[2] === 'users' && request.method === 'PUT') {
      users[path[3]] = { ...(users[path[3]] ?? { claims: {} }), ...JSON.parse(await read(request)) };
      return json(response, 200, users[path[3]]);
    }
    if (path[1] === '_ctl' && path[2] === 'token') return json(response, 200, { token: await token(path[3], url.searchParams.get('resource')) });
    if (path[1] === 'interaction') {
      const details = await provider.interactionDetails(request, response);
      if (details.prompt.name !== 'login') return await provider.interactionFinished(request, response, await consent(details), { mergeWithLastSubmission: true });
      if (request.method !== 'POST') {
        response.writeHead(200, { 'content-type': 'text/html' });
        return response.end(`<title>Provider</title><form method="post" action="/interaction/${path[2]}"><input name="login"><input name="password" type="password"><button>Sign in</button></form>`);
      }
      const form = new URLSearchParams(await read(request)), name = form.get('login');
      if (!users[name] || users[name].disabled || form.get('password') !== name)
        return await provider.interactionFinished(request, response, { error: 'access_denied', error_description: 'unknown or disabled' });
      return await provider.interactionFinished(request, response, { login: { accountId: name, acr: 'urn:test:password', amr: ['pwd'] } }, { mergeWithLastSubmission: false });
    }
  } catch (error) { return json(response, 500, { error: String(error?.stack ?? error) }); }
  return handle(request, response);
});

console.log(`port ${server.address().port}`);
