-- Changes the catalogue if it is of the version that was seen. Each change is
-- three arguments: the place of its hash among the keys, a field, and a record,
-- which is empty for what is removed.
local version, receipt = KEYS[1], KEYS[2]
local seen, next_version = ARGV[1], ARGV[2]

return once(receipt, function()
  if (redis.call('GET', version) or '0') ~= seen then
    return 'moved'
  end
  for at = 3, #ARGV, 3 do
    local hash, field, record = KEYS[tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 2]
    if record == '' then
      redis.call('HDEL', hash, field)
    else
      redis.call('HSET', hash, field, record)
    end
  end
  redis.call('SET', version, next_version)
  return 'replaced'
end)
