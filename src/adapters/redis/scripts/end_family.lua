-- Ends a family. It is kept until it would have expired, to be known as ended.
local key, by_age, by_expiry, receipt = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local now = ARGV[1]

return once(receipt, function()
  local family = read_family(key, now)
  if not family or family.ended then
    return 'dead'
  end
  mark_ended(key, family)
  unlist(key, by_age, by_expiry)
  return 'ended'
end)
