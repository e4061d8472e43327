import assert from 'node:assert/strict';
import { test } from 'node:test';

import { grantd } from './grantd.mjs';
import { ClientCredentials } from 'simple-oauth2';

const { by_basic, by_post } = grantd.clients;

function configure({ client_id, client_secret }, authorizationMethod) {
  return new ClientCredentials({
    client: { id: client_id, secret: client_secret },
    auth: { tokenHost: grantd.issuer, tokenPath: '/access_token', revokePath: '/revoke' },
    options: { authorizationMethod },
    // Its default takes a reply without JSON for a failure, and a revocation's is empty.
    http: { json: true },
  });
}

const refusal = (status, code) => (error) => {
  assert.equal(error.output.statusCode, status);
  assert.equal(error.data.payload.error, code);
  return true;
};

for (const [placement, registered] of [['header', by_basic], ['body', by_post]]) {
  test(`credentials in the ${placement} get, refresh and revoke`, async () => {
    const client = configure(registered, placement);
    const issued = await client.getToken({ scope: ['read', 'write'] });
    assert.equal(issued.token.token_type, 'Bearer');
    assert.equal(issued.token.scope, 'read write');
    assert.equal(issued.expired(), false);
    assert.equal(issued.expired(3601), true);

    const kept = client.createToken(JSON.parse(JSON.stringify(issued)));
    const renewed = await kept.refresh({ scope: 'read' });
    assert.ok(renewed.token.refresh_token !== issued.token.refresh_token);
    assert.equal(renewed.token.scope, 'read');

    await renewed.revokeAll();
    await assert.rejects(renewed.refresh(), refusal(400, 'invalid_grant'));
  });
}

test('a wrong secret is refused', async () => {
  const client = configure({ ...by_basic, client_secret: 'wrong' }, 'header');
  await assert.rejects(client.getToken({}), refusal(401, 'invalid_client'));
});
