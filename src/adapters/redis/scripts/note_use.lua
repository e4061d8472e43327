-- Notes uses of a client, unless there is none of that id. They are one string,
-- a line each: `kind name first_at at source`, names and sources
-- percent-encoded, times milliseconds since 1970. A use is kept only if it is
-- later than the one kept by `noted_every` or more.
local usage, client = KEYS[1], KEYS[2]
local noted_every, kept_for = tonumber(ARGV[1]), tonumber(ARGV[2])
local FIELDS = 4 -- of a use among the arguments: kind, name, at, source

if redis.call('EXISTS', client) == 0 then
  return
end

local kept, order = {}, {}
for line in string.gmatch(redis.call('GET', usage) or '', '[^\n]+') do
  local thing, first_at, at = string.match(line, '^(%S+ %S*) (%d+) (%d+) ')
  kept[thing] = { first_at = first_at, at = tonumber(at), line = line }
  table.insert(order, thing)
end

local newest
for place = 3, #ARGV, FIELDS do
  local thing, at, source = ARGV[place] .. ' ' .. ARGV[place + 1], ARGV[place + 2], ARGV[place + 3]
  local last = kept[thing]
  if not last then
    table.insert(order, thing)
  end
  if not last or tonumber(at) - last.at >= noted_every then
    local first_at = last and last.first_at or at
    local line = table.concat({ thing, first_at, at, source }, ' ')
    kept[thing] = { first_at = first_at, at = tonumber(at), line = line }
    newest = math.max(newest or 0, tonumber(at))
  end
end

if newest then
  local lines = {}
  for _, thing in ipairs(order) do
    if kept[thing].at + kept_for > newest then
      table.insert(lines, kept[thing].line)
    end
  end
  redis.call('SET', usage, table.concat(lines, '\n'), 'PX', ARGV[2])
end
