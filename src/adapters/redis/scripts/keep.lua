-- Keeps a record, unless it was kept and forgotten before this arrived.
local key = KEYS[1]
local mark, record, ttl = ARGV[1], ARGV[2], ARGV[3]

if redis.call('GET', key) ~= mark .. '|' then
  redis.call('SET', key, mark .. '|' .. record, 'PX', ttl)
end
