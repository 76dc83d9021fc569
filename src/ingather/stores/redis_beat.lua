-- Keeps a lease.
--
-- KEYS  1 the job    ARGV  1 fence  2 ms from now
-- Gives {wish}, or 'fence' where the lease is not the caller's.

local state = redis.call('HMGET', KEYS[1], 'fence', 'lease', 'wish', 'version')
if state[1] ~= ARGV[1] or state[2] == '' then return 'fence' end
local now = redis.call('TIME')
-- A script that has written once may go on where memory is full: a lease must outlast that.
redis.call('PERSIST', KEYS[1])
redis.call('HSET', KEYS[1],
  'lease', string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000) + tonumber(ARGV[2])),
  'version', string.format('%.0f', state[4] + 1))
return {state[3]}
