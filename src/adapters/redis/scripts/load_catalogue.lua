-- Reads the whole catalogue as of one version.
local version, scopes, resources, keys = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

return {
  redis.call('GET', version) or '0',
  redis.call('HVALS', scopes),
  redis.call('HVALS', resources),
  redis.call('HVALS', keys),
}
