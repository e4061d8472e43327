-- Adds the first keys, all or none: the arguments are fields and records in turn.
local version, keys, receipt = KEYS[1], KEYS[2], KEYS[3]

return once(receipt, function()
  if redis.call('EXISTS', keys) == 1 then
    return 'present'
  end
  redis.call('HSET', keys, unpack(ARGV))
  redis.call('INCR', version)
  return 'established'
end)
