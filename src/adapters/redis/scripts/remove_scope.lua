-- Removes a scope.
local version, scopes, receipt = KEYS[1], KEYS[2], KEYS[3]
local token = ARGV[1]

return once(receipt, function()
  if redis.call('HDEL', scopes, token) == 0 then
    return 'absent'
  end
  redis.call('INCR', version)
  return 'removed'
end)
