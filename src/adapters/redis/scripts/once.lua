-- Takes a step once per receipt: whoever runs the script again, because the
-- reply was lost, is told what came of it the first time.
local function once(receipt, step)
  local told = redis.call('GET', receipt)
  if told then
    return told
  end
  local outcome = step()
  redis.call('SET', receipt, outcome, 'PX', 60000)
  return outcome
end
