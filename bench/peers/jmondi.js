// @jmondi/oauth2-server on node:http: JWTs that Redis knows of, since it writes each of them down
// and looks it up to introspect it. Secrets are compared by SHA-256 in constant time.

import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { AuthorizationServer, DateInterval, OAuthRequest } from '@jmondi/oauth2-server';
import { handleVanillaError } from '@jmondi/oauth2-server/vanilla';
import jsonwebtoken from 'jsonwebtoken';
import { algorithm, client, lifetime, makeKeys, openRedis, port, scope } from './settings.js';

const redis = openRedis();
const { privateKey, publicKey } = makeKeys();
const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), alg: algorithm, use: 'sig', kid: 'bench' }] };

const digest = (text) => createHash('sha256').update(text).digest();
const secretDigest = digest(client.secret);
const registered = {
  id: client.id,
  name: client.id,
  secret: 'kept as a digest',
  redirectUris: [],
  allowedGrants: ['client_credentials'],
  scopes: [{ name: scope }],
};

const clients = {
  getByIdentifier: async (id) => (id === client.id ? registered : undefined),
  isClientValid: async (grant, found, secret) =>
    found.allowedGrants.includes(grant) && timingSafeEqual(digest(secret ?? ''), secretDigest),
};

const scopes = {
  getAllByIdentifiers: async (names) => registered.scopes.filter(({ name }) => names.includes(name)),
  finalize: async (granted) => granted,
};

const tokens = {
  issueToken: async (owner, granted, user) => ({
    accessToken: randomUUID(),
    accessTokenExpiresAt: new Date(),
    client: owner,
    scopes: granted,
    user,
  }),
  persist: async (token) => {
    const record = {
      names: token.scopes.map(({ name }) => name),
      until: token.accessTokenExpiresAt.getTime(),
    };
    await redis.set(`token:${token.accessToken}`, JSON.stringify(record), 'EX', lifetime);
  },
  getByAccessToken: async (id) => {
    const found = await redis.get(`token:${id}`);
    if (found === null) throw new Error('there is no such token');
    const { names, until } = JSON.parse(found);
    return {
      accessToken: id,
      accessTokenExpiresAt: new Date(until),
      client: registered,
      scopes: names.map((name) => ({ name })),
    };
  },
  revoke: async (token) => redis.del(`token:${token.accessToken}`),
  issueRefreshToken: async (token) => token,
  isRefreshTokenRevoked: async () => false,
  getByRefreshToken: async () => {
    throw new Error('there are no refresh tokens');
  },
};

const promised = (call) =>
  new Promise((resolve, reject) => {
    call((error, value) => (error ? reject(error) : resolve(value)));
  });

const jwt = {
  sign: (claims) =>
    promised((done) => jsonwebtoken.sign(claims, privateKey, { algorithm, keyid: 'bench' }, done)),
  verify: (token, options) =>
    promised((done) =>
      jsonwebtoken.verify(token, publicKey, { ...options, algorithms: [algorithm] }, done),
    ),
  decode: (token) => jsonwebtoken.decode(token),
};

const server = new AuthorizationServer(clients, tokens, scopes, jwt, { issuer: `http://127.0.0.1:${port}` });
server.enableGrantType('client_credentials', new DateInterval(`${lifetime}s`));

async function answer(path, headers, text) {
  if (path === '/jwks') return { status: 200, headers: {}, body: jwks };
  const body = Object.fromEntries(new URLSearchParams(text));
  const request = new OAuthRequest({ query: {}, headers, body });
  try {
    return path === '/token'
      ? await server.respondToAccessTokenRequest(request)
      : await server.introspect(request);
  } catch (error) {
    return handleVanillaError(error);
  }
}

createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', async () => {
    const { status, headers, body } = await answer(
      request.url,
      request.headers,
      Buffer.concat(parts).toString(),
    );
    const text = JSON.stringify(body);
    response.writeHead(status, {
      ...headers,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    });
    response.end(text);
  });
}).listen(port, '127.0.0.1');
