-- Removes a client and what is known of its use, unless it is another one by now.
local client, usage, receipt = KEYS[1], KEYS[2], KEYS[3]
local seen = ARGV[1]

return once(receipt, function()
  local value = redis.call('GET', client)
  if not value or string.match(value, '^%d+|(%x+)|') ~= seen then
    return 'absent'
  end
  redis.call('DEL', client, usage)
  return 'removed'
end)
