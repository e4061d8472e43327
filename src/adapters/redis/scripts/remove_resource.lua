-- Removes a resource, unless a scope is still its own.
local version, scopes, resources, receipt = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local resource_id = ARGV[1]

return once(receipt, function()
  for _, record in ipairs(redis.call('HVALS', scopes)) do
    if cjson.decode(record).resource == resource_id then
      return 'owns-scopes'
    end
  end
  if redis.call('HDEL', resources, resource_id) == 0 then
    return 'absent'
  end
  redis.call('INCR', version)
  return 'removed'
end)
