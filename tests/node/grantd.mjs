/** The server to try, as the file that GRANTD_UNDER_TEST names tells it. */
import { webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';

// Node 18 keeps them where the libraries do not look; from 20 on they are global.
globalThis.crypto ??= webcrypto;
globalThis.CryptoKey ??= webcrypto.CryptoKey;

export const grantd = JSON.parse(readFileSync(process.env.GRANTD_UNDER_TEST, 'utf8'));

/** Import a client's private key as Web Cryptography has it. */
export function signingKey({ private_jwk: jwk }) {
  const algorithm = { name: 'ECDSA', namedCurve: jwk.crv };
  return crypto.subtle.importKey('jwk', jwk, algorithm, false, ['sign']);
}
