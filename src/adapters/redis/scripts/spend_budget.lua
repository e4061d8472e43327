-- Counts a failure. A budget is written `failures|resets_at`: the first failure
-- begins the window, and later ones leave its end where it is.
local key, receipt = KEYS[1], KEYS[2]
local resets_at, ttl, now = ARGV[1], ARGV[2], tonumber(ARGV[3])

return once(receipt, function()
  local failures, ends_at = string.match(redis.call('GET', key) or '', '^(%d+)|(%d+)$')
  if failures and tonumber(ends_at) > now then
    redis.call('SET', key, string.format('%d|%s', failures + 1, ends_at), 'KEEPTTL')
  else
    redis.call('SET', key, '1|' .. resets_at, 'PX', ttl)
  end
  return 'counted'
end)
