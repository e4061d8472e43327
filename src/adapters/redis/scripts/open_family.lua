-- Adds a family and ends its owner's oldest live ones beyond the limit.
-- Run again it finds its work done, even if the family was rotated or ended since.
local family, by_age, by_expiry = KEYS[1], KEYS[2], KEYS[3]
local value, age, places, expires_at, ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local limit, now = ARGV[6], ARGV[7]

-- Families opened in one millisecond stand in the order they came.
local function place()
  local last = tonumber(age) + tonumber(places) - 1
  local before = redis.call('ZREVRANGEBYSCORE', by_age, whole(last), age, 'WITHSCORES', 'LIMIT', 0, 1)
  if #before == 0 then
    return age
  end
  return whole(math.min(tonumber(before[2]) + 1, last))
end

if not redis.call('SET', family, value, 'NX', 'PX', ttl) then
  return
end

for _, expired in ipairs(redis.call('ZRANGEBYSCORE', by_expiry, '-inf', now)) do
  unlist(expired, by_age, by_expiry)
end

redis.call('ZADD', by_age, place(), family)
redis.call('ZADD', by_expiry, expires_at, family)
keep_for(by_age, ttl)
keep_for(by_expiry, ttl)

local surplus = redis.call('ZCARD', by_age) - tonumber(limit)
if surplus > 0 then
  for _, oldest in ipairs(redis.call('ZRANGE', by_age, 0, surplus - 1)) do
    local kept = read_family(oldest, now)
    if kept then
      mark_ended(oldest, kept)
    end
    unlist(oldest, by_age, by_expiry)
  end
end
