-- Deletes a job and all that belongs to it, unless somebody holds it.
--
-- KEYS  as in redis_move.lua    ARGV  1 the job's id
-- Gives 1, or 0 where it is held.

local id = ARGV[1]
local lease = redis.call('HGET', KEYS[5], 'lease')
if lease and lease ~= '' then
  local now = redis.call('TIME')
  if tonumber(lease) > now[1] * 1000 + math.floor(now[2] / 1000) then return 0 end
end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6])
redis.call('SREM', KEYS[7], id)
redis.call('SREM', KEYS[8], id)
if redis.call('GET', KEYS[9]) == id then redis.call('DEL', KEYS[9]) end
redis.call('ZREM', KEYS[10], id)
redis.call('ZREM', KEYS[11], id)
redis.call('ZREM', KEYS[13], id)
return 1
