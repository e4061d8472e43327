import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { promisify } from 'node:util';

import { grantd, signingKey } from './grantd.mjs';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';
import { SignJWT } from 'jose';

const { by_basic, by_post, by_key } = grantd.clients;

const definition = protoLoader.loadSync('grantd/v1/token_service.proto', {
  keepCase: true,
  defaults: true,
  includeDirs: [grantd.protos],
});
const { TokenService } = grpc.loadPackageDefinition(definition).grantd.v1;
const service = new TokenService(grantd.grpc_target, grpc.credentials.createInsecure());
after(() => service.close());

const [issue, introspect, revoke] = ['IssueToken', 'IntrospectToken', 'RevokeToken'].map((method) =>
  promisify(service[method]).bind(service),
);

function basic({ client_id, client_secret }) {
  const metadata = new grpc.Metadata();
  const credentials = Buffer.from(`${client_id}:${client_secret}`).toString('base64');
  metadata.set('authorization', `Basic ${credentials}`);
  return metadata;
}

async function assertion(client) {
  const { alg, kid } = client.private_jwk;
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await new SignJWT()
      .setProtectedHeader({ alg, kid })
      .setIssuer(client.client_id)
      .setSubject(client.client_id)
      .setAudience(grantd.issuer)
      .setIssuedAt()
      .setExpirationTime('1m')
      .setJti(randomUUID())
      .sign(await signingKey(client)),
  };
}

const inFields = ({ client_id, client_secret }) => ({ client_id, client_secret });

const ways = [
  ['call metadata', by_basic, async () => [{}, basic(by_basic)]],
  ['fields', by_post, async () => [inFields(by_post), new grpc.Metadata()]],
  ['an assertion', by_key, async () => [await assertion(by_key), new grpc.Metadata()]],
];

for (const [placement, registered, authenticate] of ways) {
  const call = async (method, request) => {
    const [fields, metadata] = await authenticate();
    return method({ ...request, ...fields }, metadata);
  };

  test(`credentials in ${placement} get, refresh, introspect and revoke`, async () => {
    const issued = await call(issue, { grant_type: 'client_credentials', scopes: ['write'] });
    assert.equal(issued.token_type, 'Bearer');
    assert.equal(Number(issued.expires_in.seconds), 3600);
    assert.deepEqual(issued.scopes, ['write']);

    const { refresh_token } = issued;
    const renewed = await call(issue, { grant_type: 'refresh_token', refresh_token });
    assert.ok(renewed.refresh_token !== refresh_token);

    const token = renewed.access_token;
    const told = await call(introspect, { token });
    assert.equal(told.active, true);
    assert.equal(told.client_id, registered.client_id);
    assert.equal(told.issuer, grantd.issuer);

    await call(revoke, { token });
    assert.equal((await call(introspect, { token })).active, false);

    await assert.rejects(call(issue, { grant_type: 'refresh_token', refresh_token }), {
      code: grpc.status.INVALID_ARGUMENT,
    });
  });
}

test('a refusal carries its reason', async () => {
  const wrong = { client_id: by_basic.client_id, client_secret: 'wrong' };
  await assert.rejects(issue({ grant_type: 'client_credentials' }, basic(wrong)), (error) => {
    assert.equal(error.code, grpc.status.UNAUTHENTICATED);
    const [details] = error.metadata.get('grpc-status-details-bin');
    assert.ok(details.includes('INVALID_CLIENT'));
    return true;
  });
});
