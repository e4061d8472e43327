-- Adds a client, unless a client or an owner is called so.
local client, owner, receipt = KEYS[1], KEYS[2], KEYS[3]
local value = ARGV[1]

return once(receipt, function()
  if redis.call('EXISTS', client, owner) > 0 then
    return 'taken'
  end
  redis.call('SET', client, value)
  return 'added'
end)
