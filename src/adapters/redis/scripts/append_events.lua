-- Appends entries to a stream, each given as the count of its words and the words.
local stream, receipt = KEYS[1], KEYS[2]
local length = ARGV[1]

return once(receipt, function()
  local place = 2
  while place <= #ARGV do
    local last = place + tonumber(ARGV[place])
    redis.call('XADD', stream, 'MAXLEN', '~', length, '*', unpack(ARGV, place + 1, last))
    place = last + 1
  end
  return 'appended'
end)
