-- Compares the presented generation with the live one, and advances it.
-- Run again with the same attempt it is the same rotation.
local key, by_age, by_expiry = KEYS[1], KEYS[2], KEYS[3]
local owner, presented, attempt, now = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local grace, expires_at, ttl = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
local retire_access = ARGV[8] == '1'

local family = read_family(key, now)
if not family then
  return { 'absent' }
end
if family.owner ~= owner then
  return { 'foreign' }
end
if family.ended then
  return { 'ended' }
end
if presented > family.generation then
  return { 'ahead' }
end

local function successor(outcome)
  return { outcome, whole(family.generation), whole(family.expires_at) }
end

if presented == family.generation then
  family.generation = presented + 1
  family.attempt = attempt
  family.rotated_at = now
  family.expires_at = expires_at
  if retire_access then
    family.least = family.generation
  end
  write_family(key, family, 'PX', ttl)
  redis.call('ZADD', by_expiry, 'XX', whole(expires_at), key)
  keep_for(by_age, ttl)
  keep_for(by_expiry, ttl)
  return successor('rotated')
end

if presented == family.generation - 1 then
  if family.attempt == attempt then
    return successor('rotated')
  end
  if grace > 0 and family.attempt ~= '' and now - family.rotated_at <= grace then
    return successor('within-grace')
  end
end
return { 'replayed' }
