-- Spends an assertion, unless it is spent. It is written `until|mark`; whoever
-- runs this again with the same mark is the one who spent it.
local key = KEYS[1]
local mark, until_ms, ttl, now = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

local spent_until, spender = string.match(redis.call('GET', key) or '', '^(%d+)|(%x+)$')
if spender and spender ~= mark and tonumber(spent_until) > now then
  return 'spent-before'
end
redis.call('SET', key, until_ms .. '|' .. mark, 'PX', ttl)
return 'spent'
