-- Lists a token until a time; a later one that stands already is kept.
local key = KEYS[1]
local until_ms, ttl = ARGV[1], tonumber(ARGV[2])

-- The caller's clock may be ahead of ours; whichever is right, it is listed long enough.
local time = redis.call('TIME')
ttl = math.max(ttl, tonumber(until_ms) - (time[1] * 1000 + math.floor(time[2] / 1000)))

local listed = redis.call('GET', key)
if not listed or tonumber(listed) < tonumber(until_ms) then
  redis.call('SET', key, until_ms, 'PX', string.format('%.0f', ttl))
end
