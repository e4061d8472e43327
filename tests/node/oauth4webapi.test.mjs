import assert from 'node:assert/strict';
import { test } from 'node:test';

import { grantd, signingKey } from './grantd.mjs';
import * as oauth from 'oauth4webapi';

const { by_basic, by_post, by_secret_jwt, by_key, by_key_of_old, gate } = grantd.clients;
const overHttp = { [oauth.allowInsecureRequests]: true };
const issuer = new URL(grantd.issuer);
const server = await discover('oauth2');

async function discover(algorithm) {
  const response = await oauth.discoveryRequest(issuer, { algorithm, ...overHttp });
  return oauth.processDiscoveryResponse(issuer, response);
}

async function obtain(client, auth, parameters = {}) {
  const response = await oauth.clientCredentialsGrantRequest(
    server, client, auth, new URLSearchParams(parameters), overHttp,
  );
  return oauth.processClientCredentialsResponse(server, client, response);
}

async function refresh(client, auth, token) {
  const response = await oauth.refreshTokenGrantRequest(server, client, auth, token, overHttp);
  return oauth.processRefreshTokenResponse(server, client, response);
}

async function introspect(client, auth, token) {
  const response = await oauth.introspectionRequest(server, client, auth, token, overHttp);
  const told = await oauth.processIntrospectionResponse(server, client, response);
  return { told, response };
}

async function revoke(client, auth, token) {
  const response = await oauth.revocationRequest(server, client, auth, token, overHttp);
  await oauth.processRevocationResponse(response);
}

async function privateKeyJwt(client, options) {
  return oauth.PrivateKeyJwt({ key: await signingKey(client), kid: client.private_jwk.kid }, options);
}

const ways = [
  ['client_secret_basic', by_basic, oauth.ClientSecretBasic(by_basic.client_secret)],
  ['client_secret_post', by_post, oauth.ClientSecretPost(by_post.client_secret)],
  ['client_secret_jwt', by_secret_jwt, oauth.ClientSecretJwt(by_secret_jwt.client_secret)],
  ['private_key_jwt', by_key, await privateKeyJwt(by_key)],
];

for (const [method, { client_id }, auth] of ways) {
  test(`${method} gets, refreshes, introspects and revokes`, async () => {
    const client = { client_id };
    const issued = await obtain(client, auth, { scope: 'read write' });
    assert.equal(issued.token_type, 'bearer'); // the library writes it in small letters
    assert.equal(issued.expires_in, 3600);
    assert.equal(issued.scope, 'read write');

    const renewed = await refresh(client, auth, issued.refresh_token);
    assert.ok(renewed.access_token !== issued.access_token);
    assert.ok(renewed.refresh_token !== issued.refresh_token);

    const { told } = await introspect(client, auth, renewed.access_token);
    assert.equal(told.active, true);
    assert.equal(told.client_id, client_id);
    assert.equal(told.scope, 'read write');
    assert.equal(told.iss, grantd.issuer);

    await revoke(client, auth, renewed.access_token);
    const after = await introspect(client, auth, renewed.access_token);
    assert.deepEqual(after.told, { active: false });

    await assert.rejects(refresh(client, auth, issued.refresh_token), {
      name: 'ResponseBodyError',
      error: 'invalid_grant',
      status: 400,
    });
  });
}

test('both well-known documents say the same', async () => {
  assert.deepEqual(await discover('oidc'), server);
});

test('a wrong secret is a challenge', async () => {
  const auth = oauth.ClientSecretBasic('wrong');
  await assert.rejects(obtain({ client_id: by_basic.client_id }, auth), (error) => {
    assert.ok(error instanceof oauth.WWWAuthenticateChallengeError);
    assert.equal(error.status, 401);
    assert.deepEqual(error.cause.map(({ scheme }) => scheme), ['basic']);
    return true;
  });
});

test('its assertions name the issuer alone', async () => {
  const seen = [];
  const auth = await privateKeyJwt(by_key, {
    [oauth.modifyAssertion]: (_header, payload) => seen.push(payload.aud),
  });
  await obtain({ client_id: by_key.client_id }, auth);
  assert.deepEqual(seen, [grantd.issuer]);
});

test('the token endpoint as audience is for clients registered so', async () => {
  const asOldLibrariesDo = {
    [oauth.modifyAssertion](_header, payload) {
      payload.aud = server.token_endpoint;
    },
  };
  const taken = await privateKeyJwt(by_key_of_old, asOldLibrariesDo);
  assert.equal((await obtain({ client_id: by_key_of_old.client_id }, taken)).expires_in, 3600);
  const refused = await privateKeyJwt(by_key, asOldLibrariesDo);
  await assert.rejects(obtain({ client_id: by_key.client_id }, refused), { status: 401 });
});

test('a resource proves an access token and asks for a signed introspection', async () => {
  const auth = oauth.ClientSecretBasic(by_basic.client_secret);
  const { access_token } = await obtain({ client_id: by_basic.client_id }, auth, {
    resource: grantd.resource,
  });

  const request = new Request(grantd.resource, {
    headers: { authorization: `Bearer ${access_token}` },
  });
  const claims = await oauth.validateJwtAccessToken(server, request, grantd.resource, overHttp);
  assert.equal(claims.client_id, by_basic.client_id);
  await assert.rejects(
    oauth.validateJwtAccessToken(server, request, 'https://elsewhere.example', overHttp),
  );

  const { client_id, client_secret, introspection_signed_response_alg } = gate;
  const { told, response } = await introspect(
    { client_id, introspection_signed_response_alg },
    oauth.ClientSecretBasic(client_secret),
    access_token,
  );
  assert.equal(response.headers.get('content-type'), 'application/token-introspection+jwt');
  await oauth.validateApplicationLevelSignature(server, response, overHttp);
  assert.equal(told.active, true);
  assert.equal(told.jti, claims.jti);
});
