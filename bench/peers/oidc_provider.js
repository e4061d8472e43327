// oidc-provider for the client credentials grant: JWTs that nobody stores (FORMAT=jwt), or opaque
// tokens in Redis (FORMAT=opaque) that it introspects. It compares secrets in constant time itself.

import Provider from 'oidc-provider';
import { algorithm, client, lifetime, makeKeys, openRedis, port, scope } from './settings.js';

const format = process.env.FORMAT;
const resource = 'urn:bench';

// What this grant needs of an adapter: one write for each token, one read to look it up.
function redisAdapter() {
  const redis = openRedis();
  return class {
    #prefix;

    constructor(kind) {
      this.#prefix = `${kind}:`;
    }

    async upsert(id, payload, expiresIn) {
      const expiry = expiresIn ? ['EX', expiresIn] : [];
      await redis.set(this.#prefix + id, JSON.stringify(payload), ...expiry);
    }

    async find(id) {
      const found = await redis.get(this.#prefix + id);
      return found === null ? undefined : JSON.parse(found);
    }

    async destroy(id) {
      await redis.del(this.#prefix + id);
    }
  };
}

const key = { ...makeKeys().privateKey.export({ format: 'jwk' }), alg: algorithm, use: 'sig', kid: 'bench' };

const provider = new Provider(`http://127.0.0.1:${port}`, {
  ...(format === 'opaque' && { adapter: redisAdapter() }),
  jwks: { keys: [key] },
  clientDefaults: { id_token_signed_response_alg: algorithm },
  clients: [
    {
      client_id: client.id,
      client_secret: client.secret,
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      scope,
    },
  ],
  scopes: [scope],
  ttl: { ClientCredentials: lifetime },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope,
        audience: resource,
        accessTokenTTL: lifetime,
        accessTokenFormat: format,
        ...(format === 'jwt' && { jwt: { sign: { alg: algorithm } } }),
      }),
    },
  },
});

provider.on('server_error', (_, error) => console.error(error));
provider.listen(port, '127.0.0.1');
