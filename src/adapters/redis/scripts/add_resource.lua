-- Adds a resource.
local version, resources, receipt = KEYS[1], KEYS[2], KEYS[3]
local resource_id, record = ARGV[1], ARGV[2]

return once(receipt, function()
  if redis.call('HSETNX', resources, resource_id, record) == 0 then
    return 'exists'
  end
  redis.call('INCR', version)
  return 'added'
end)
