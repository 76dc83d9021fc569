-- Takes calls out of a sliding window's limit, on the server's clock.
--
-- KEYS  1 log of calls (sorted set, scores in microseconds)  2 park  3 epoch
-- ARGV  1 calls  2 limit  3 window in microseconds  4 limit while cautious
--       5 the epoch that the caller saw within this window, '' where it saw none
-- Gives {microseconds to wait, 0 where the calls were given; the epoch}.
--
-- The epoch says since when the log is complete. A caller that saw another one knows that the
-- log was lost; the epoch is then marked with '!' and few calls are given until a window has
-- passed since it began.

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local calls, limit, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local parked = tonumber(redis.call('GET', KEYS[2]) or 0)
if parked > now then return {parked - now, ''} end

local function plain(epoch)
  return (string.gsub(epoch, '!', ''))
end

local epoch = redis.call('GET', KEYS[3]) or string.format('%.0f', now)
if ARGV[5] ~= '' and plain(ARGV[5]) ~= plain(epoch) and plain(epoch) == epoch then
  epoch = epoch .. '!'
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - window))
redis.call('SET', KEYS[3], epoch, 'PX', math.ceil(window / 1000) * 2)

local known = tonumber((plain(epoch)))
if plain(epoch) ~= epoch and now - known < window then
  limit = math.min(limit, tonumber(ARGV[4]))
  if calls > limit then return {known + window - now, epoch} end
end
local made = redis.call('ZCARD', KEYS[1])
if made + calls > limit then
  local first = made + calls - limit - 1
  local oldest = redis.call('ZRANGE', KEYS[1], first, first, 'WITHSCORES')
  return {tonumber(oldest[2]) + window - now, epoch}
end
for call = 1, calls do -- the number keeps two calls of one microsecond apart
  local score = string.format('%.0f', now)
  redis.call('ZADD', KEYS[1], score, score .. ':' .. (made + call))
end
redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000) + 1000)
return {0, epoch}
