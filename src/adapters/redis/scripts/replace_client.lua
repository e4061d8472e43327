-- Replaces a client that is still of the version that was seen.
local client, receipt = KEYS[1], KEYS[2]
local seen, version, record = ARGV[1], ARGV[2], ARGV[3]

return once(receipt, function()
  local value = redis.call('GET', client)
  if not value then
    return 'absent'
  end
  local current, birth = string.match(value, '^(%d+)|(%x+)|')
  if current ~= seen then
    return 'changed'
  end
  redis.call('SET', client, version .. '|' .. birth .. '|' .. record)
  return 'replaced'
end)
