// Verifies tokens by a proxy's published keys, with jose, and prints a JSON list: the subject of each, or the code of the error.
//
//   verify.mjs MODULES PROXY ISSUER AUDIENCE TOKEN...
//
// NODE_EXTRA_CA_CERTS names who certified the proxy. PROXY is `https://HOST:PORT`.

const [, , modules, proxy, issuer, audience, ...tokens] = process.argv;
const { createRemoteJWKSet, jwtVerify } = await import(`${modules}/jose/dist/webapi/index.js`);
const keys = createRemoteJWKSet(new URL(`${proxy}/.well-known/jwks.json`));
const verdicts = [];
for (const token of tokens) {
    try {
        const { payload } = await jwtVerify(token, keys, { issuer, audience, requiredClaims: ['exp', 'jti'] });
        verdicts.push({ sub: payload.sub });
    } catch (error) {
        verdicts.push({ error: error.code ?? String(error) });
    }
}
console.log(JSON.stringify(verdicts));
