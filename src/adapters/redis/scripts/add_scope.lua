-- Adds a scope, whose owner, if it has one, has to be known.
local version, scopes, resources, receipt = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local token, record, owner = ARGV[1], ARGV[2], ARGV[3]

return once(receipt, function()
  if redis.call('HEXISTS', scopes, token) == 1 then
    return 'exists'
  end
  if owner ~= '' and redis.call('HEXISTS', resources, owner) == 0 then
    return 'unowned'
  end
  redis.call('HSET', scopes, token, record)
  redis.call('INCR', version)
  return 'added'
end)
