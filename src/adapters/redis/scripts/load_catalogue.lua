-- Reads the whole catalogue as of one version: the hashes follow the version's key.
local catalogue = {redis.call('GET', KEYS[1]) or '0'}
for place = 2, #KEYS do
  catalogue[place] = redis.call('HVALS', KEYS[place])
end
return catalogue
