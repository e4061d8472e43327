import assert from 'node:assert/strict';
import { test } from 'node:test';

import { grantd } from './grantd.mjs';
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';

const { by_basic, gate } = grantd.clients;
const { issuer } = grantd;
const discovered = await fetch(`${issuer}/.well-known/oauth-authorization-server`);
const server = await discovered.json();
const keys = createRemoteJWKSet(new URL(server.jwks_uri));

function post(url, { client_id, client_secret }, form, headers = {}) {
  const credentials = Buffer.from(`${client_id}:${client_secret}`).toString('base64');
  return fetch(url, {
    method: 'POST',
    headers: { authorization: `Basic ${credentials}`, ...headers },
    body: new URLSearchParams(form),
  });
}

async function obtain(resource) {
  const form = { grant_type: 'client_credentials', resource };
  return (await (await post(server.token_endpoint, by_basic, form)).json()).access_token;
}

function prove(token, audience, algorithm) {
  return jwtVerify(token, keys, {
    issuer,
    audience,
    typ: 'at+jwt',
    algorithms: [algorithm],
    requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id', 'scope'],
  });
}

for (const [algorithm, resource] of [['ES256', grantd.resource], ['RS256', grantd.rsa_resource]]) {
  test(`an access token signed with ${algorithm} is proved by the published keys`, async () => {
    const token = await obtain(resource);
    const { payload } = await prove(token, resource, algorithm);
    assert.equal(payload.sub, by_basic.client_id);
    assert.equal(payload.scope, 'read');

    await assert.rejects(
      prove(token, 'https://elsewhere.example', algorithm),
      errors.JWTClaimValidationFailed,
    );
    const [head, claims, signature] = token.split('.');
    const forged = [head, claims, (signature[0] === 'A' ? 'B' : 'A') + signature.slice(1)];
    await assert.rejects(
      prove(forged.join('.'), resource, algorithm),
      errors.JWSSignatureVerificationFailed,
    );
  });
}

test('an introspection reply is a JWT for its caller alone, and no access token', async () => {
  const token = await obtain(grantd.resource);
  const { payload: claims } = await prove(token, grantd.resource, 'ES256');
  const accept = { accept: 'application/token-introspection+jwt' };
  const response = await post(server.introspection_endpoint, gate, { token }, accept);
  assert.equal(response.headers.get('content-type'), 'application/token-introspection+jwt');

  const reply = await response.text();
  const { payload } = await jwtVerify(reply, keys, {
    issuer,
    audience: gate.client_id,
    typ: 'token-introspection+jwt',
    algorithms: [gate.introspection_signed_response_alg],
    requiredClaims: ['iat', 'token_introspection'],
  });
  assert.equal(payload.token_introspection.active, true);
  assert.equal(payload.token_introspection.jti, claims.jti);
  // RFC 9701 §8.1: nothing that could make it pass for an access token.
  assert.equal(payload.sub, undefined);
  assert.equal(payload.exp, undefined);
  await assert.rejects(prove(reply, gate.client_id, 'ES256'), errors.JWTClaimValidationFailed);
});
