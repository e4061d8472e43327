-- Which of these commands may not be run by who asks? Each is given as its words,
-- parted by blanks; none is run. Before Redis 7 nobody can tell: then none is named.

local refused = {}
if redis.acl_check_cmd == nil then
  return refused
end
for _, command in ipairs(ARGV) do
  local words = {}
  for word in string.gmatch(command, '%S+') do
    table.insert(words, word)
  end
  local known, allowed = pcall(redis.acl_check_cmd, unpack(words))
  if known and not allowed then
    table.insert(refused, command)
  end
end
return refused
