-- Lists a token until a time; a later one that stands already is kept.
local key = KEYS[1]
local until_ms, ttl = ARGV[1], ARGV[2]

local listed = redis.call('GET', key)
if not listed or tonumber(listed) < tonumber(until_ms) then
  redis.call('SET', key, until_ms, 'PX', ttl)
end
