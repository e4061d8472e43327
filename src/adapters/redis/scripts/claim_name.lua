-- Takes a name for an owner, unless a client is called so.
local owner, client = KEYS[1], KEYS[2]
local entry = ARGV[1]

if redis.call('EXISTS', client) == 1 then
  return 'taken'
end
redis.call('SADD', owner, entry)
return 'claimed'
