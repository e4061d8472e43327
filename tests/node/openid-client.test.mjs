import assert from 'node:assert/strict';
import { test } from 'node:test';

import { grantd, signingKey } from './grantd.mjs';
import * as client from 'openid-client';

const { by_basic, by_post, by_secret_jwt, by_key, gate } = grantd.clients;
const issuer = new URL(grantd.issuer);

function configure({ client_id }, auth, { metadata = {}, execute = [], algorithm = 'oauth2' } = {}) {
  return client.discovery(issuer, client_id, metadata, auth, {
    algorithm,
    execute: [client.allowInsecureRequests, ...execute],
  });
}

const privateKeyJwt = (options) => async () =>
  client.PrivateKeyJwt({ key: await signingKey(by_key), kid: by_key.private_jwk.kid }, options);

const ways = [
  ['client_secret_basic', by_basic, () => client.ClientSecretBasic(by_basic.client_secret)],
  ['client_secret_post', by_post, () => client.ClientSecretPost(by_post.client_secret)],
  ['client_secret_jwt', by_secret_jwt, () => client.ClientSecretJwt(by_secret_jwt.client_secret)],
  ['private_key_jwt', by_key, privateKeyJwt()],
];

for (const [method, registered, authentication] of ways) {
  test(`${method} gets, refreshes, introspects and revokes`, async () => {
    const config = await configure(registered, await authentication());
    const issued = await client.clientCredentialsGrant(config, { scope: 'read write' });
    assert.equal(issued.token_type, 'bearer'); // the library writes it in small letters
    assert.equal(issued.expires_in, 3600);
    assert.equal(issued.scope, 'read write');

    const renewed = await client.refreshTokenGrant(config, issued.refresh_token, { scope: 'read' });
    assert.ok(renewed.refresh_token !== issued.refresh_token);
    assert.equal(renewed.scope, 'read');

    const told = await client.tokenIntrospection(config, renewed.access_token);
    assert.equal(told.active, true);
    assert.equal(told.client_id, registered.client_id);

    await client.tokenRevocation(config, renewed.access_token);
    const after = await client.tokenIntrospection(config, renewed.access_token);
    assert.deepEqual(after, { active: false });

    await assert.rejects(client.refreshTokenGrant(config, issued.refresh_token), {
      name: 'ResponseBodyError',
      error: 'invalid_grant',
      status: 400,
    });
  });
}

test('a secret alone is sent in the body, as it is by default', async () => {
  const config = await client.discovery(issuer, by_post.client_id, by_post.client_secret, undefined, {
    algorithm: 'oauth2',
    execute: [client.allowInsecureRequests],
  });
  assert.equal((await client.clientCredentialsGrant(config)).expires_in, 3600);
});

test('discovery by the OpenID name finds the same', async () => {
  const auth = client.ClientSecretBasic(by_basic.client_secret);
  const [oidc, oauth2] = await Promise.all(
    ['oidc', 'oauth2'].map((algorithm) => configure(by_basic, auth, { algorithm })),
  );
  assert.deepEqual(oidc.serverMetadata(), oauth2.serverMetadata());
  assert.equal((await client.clientCredentialsGrant(oidc)).expires_in, 3600);
});

test('a wrong secret is a challenge', async () => {
  const config = await configure(by_basic, client.ClientSecretBasic('wrong'));
  await assert.rejects(client.clientCredentialsGrant(config), (error) => {
    assert.ok(error instanceof client.WWWAuthenticateChallengeError);
    assert.equal(error.status, 401);
    return true;
  });
});

test('its assertions name the issuer alone', async () => {
  const seen = [];
  const authentication = privateKeyJwt({
    [client.modifyAssertion]: (_header, payload) => seen.push(payload.aud),
  });
  const config = await configure(by_key, await authentication());
  await client.clientCredentialsGrant(config);
  assert.deepEqual(seen, [grantd.issuer]);
});

test('introspection is signed for who is registered so, and its signature proved', async () => {
  const auth = client.ClientSecretBasic(by_basic.client_secret);
  const buyer = await configure(by_basic, auth);
  const { access_token } = await client.clientCredentialsGrant(buyer, {
    resource: grantd.resource,
  });
  const { introspection_signed_response_alg } = gate;
  const config = await configure(gate, client.ClientSecretBasic(gate.client_secret), {
    metadata: { introspection_signed_response_alg },
    execute: [client.enableNonRepudiationChecks],
  });
  const told = await client.tokenIntrospection(config, access_token);
  assert.equal(told.active, true);
  assert.equal(told.client_id, by_basic.client_id);
});
