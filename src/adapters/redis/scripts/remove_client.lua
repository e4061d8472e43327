-- Removes a client, unless it is another one by now.
local client, receipt = KEYS[1], KEYS[2]
local seen = ARGV[1]

return once(receipt, function()
  local value = redis.call('GET', client)
  if not value or string.match(value, '^%d+|(%x+)|') ~= seen then
    return 'absent'
  end
  redis.call('DEL', client)
  return 'removed'
end)
