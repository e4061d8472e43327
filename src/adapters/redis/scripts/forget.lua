-- Forgets a record and tells whether there was one. Its mark stays, so that a
-- write which is late does not bring it back.
local key, receipt = KEYS[1], KEYS[2]

return once(receipt, function()
  local mark, record = string.match(redis.call('GET', key) or '', '^(%x+)|(.*)$')
  if not record or record == '' then
    return 'absent'
  end
  redis.call('SET', key, mark .. '|', 'KEEPTTL')
  return 'forgotten'
end)
