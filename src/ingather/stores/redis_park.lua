-- Parks a key, or tells for how long it is parked.
--
-- KEYS  1 park    ARGV  1 microseconds from now; 0 only asks
-- Gives the microseconds left. A shorter park never cuts a longer one.

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local till = tonumber(redis.call('GET', KEYS[1]) or 0)
local wanted = now + tonumber(ARGV[1])
if tonumber(ARGV[1]) > 0 and wanted > till then
  till = wanted
  redis.call('SET', KEYS[1], string.format('%.0f', till), 'PX', math.ceil(ARGV[1] / 1000) + 1000)
end
return math.max(0, till - now)
