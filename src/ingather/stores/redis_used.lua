-- Counts the calls of a window, on the server's clock.
--
-- KEYS  1 log of calls (sorted set, scores in microseconds)
-- ARGV  1 window in microseconds

local time = redis.call('TIME')
local since = time[1] * 1000000 + time[2] - tonumber(ARGV[1])
return redis.call('ZCOUNT', KEYS[1], string.format('(%.0f', since), '+inf')
