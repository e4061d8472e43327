// What both servers are told, by the environment; keys are made anew at each start.

import { generateKeyPairSync } from 'node:crypto';
import { Redis } from 'ioredis';

export const port = Number(process.env.PORT);
export const algorithm = process.env.ALGORITHM;
export const client = { id: process.env.CLIENT_ID, secret: process.env.CLIENT_SECRET };
export const scope = 'read';
export const lifetime = 3600;

export function makeKeys() {
  return algorithm === 'ES256'
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('rsa', { modulusLength: 2048 });
}

// Many commands of one turn of the event loop go out together, as grantd's do.
export function openRedis() {
  return new Redis({
    host: '127.0.0.1',
    port: Number(process.env.REDIS_PORT),
    enableAutoPipelining: true,
  });
}
