-- A family is written as a head, which changes, and a record, which does not:
--   generation|least|attempt|rotated_at|expires_at|ended|owner|record
-- Times are milliseconds since 1970; attempt and owner are percent-encoded.
-- Live families stand in two indices of their owner: by age, to end the oldest
-- first, and by expiry, to drop those that have expired. Indices hold keys.
local FORM = '^(%d+)|(%d+)|([^|]*)|(%d+)|(%d+)|([01])|([^|]*)|(.*)$'

local function read_family(key, now)
  local value = redis.call('GET', key)
  if not value then
    return nil
  end
  local generation, least, attempt, rotated_at, expires_at, ended, owner, record =
    string.match(value, FORM)
  if tonumber(expires_at) <= tonumber(now) then
    return nil
  end
  return {
    generation = tonumber(generation),
    least = tonumber(least),
    attempt = attempt,
    rotated_at = tonumber(rotated_at),
    expires_at = tonumber(expires_at),
    ended = ended == '1',
    owner = owner,
    record = record,
  }
end

-- Numbers are written in full: Lua's own way keeps fourteen digits.
local function whole(number)
  return string.format('%.0f', number)
end

local function write_family(key, family, ...)
  local head = {
    whole(family.generation),
    whole(family.least),
    family.attempt,
    whole(family.rotated_at),
    whole(family.expires_at),
    family.ended and '1' or '0',
    family.owner,
    family.record,
  }
  redis.call('SET', key, table.concat(head, '|'), ...)
end

local function mark_ended(key, family)
  family.ended = true
  write_family(key, family, 'KEEPTTL')
end

local function unlist(key, by_age, by_expiry)
  redis.call('ZREM', by_age, key)
  redis.call('ZREM', by_expiry, key)
end

local function keep_for(key, ttl)
  if redis.call('PTTL', key) < tonumber(ttl) then
    redis.call('PEXPIRE', key, ttl)
  end
end
