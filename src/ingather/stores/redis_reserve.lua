-- Takes calls out of the limits of several sliding windows, on the server's clock: of all or of none.
--
-- KEYS  of each limit: its log of calls (sorted set, scores in microseconds), park, epoch
-- ARGV  1 limit while cautious; then of each: calls, limit, window in microseconds,
--       the epoch that the caller saw within this window, '' where it saw none
-- Gives {microseconds to wait, 0 where the calls were given; the epoch of each}.
--
-- The epoch says since when the log is complete. A caller that saw another one knows that the
-- log was lost; the epoch is then marked with '!' and few calls are given until a window has
-- passed since it began.

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function plain(epoch)
  return (string.gsub(epoch, '!', ''))
end

local function wait(log, calls, limit, window, epoch)
  redis.call('ZREMRANGEBYSCORE', log, '-inf', string.format('%.0f', now - window))
  local known = tonumber((plain(epoch)))
  if plain(epoch) ~= epoch and now - known < window then
    limit = math.min(limit, tonumber(ARGV[1]))
    if calls > limit then return known + window - now end
  end
  local lacking = redis.call('ZCARD', log) + calls - limit
  if lacking <= 0 then return 0 end
  return redis.call('ZRANGE', log, lacking - 1, lacking - 1, 'WITHSCORES')[2] + window - now
end

local longest, epochs, limits = 0, {}, {}
for at = 1, #KEYS, 3 do
  local place = (at - 1) / 3 * 4 + 2
  local calls, window = tonumber(ARGV[place]), tonumber(ARGV[place + 2])
  local seen = ARGV[place + 3]
  local epoch = redis.call('GET', KEYS[at + 2]) or string.format('%.0f', now)
  if seen ~= '' and plain(seen) ~= plain(epoch) and plain(epoch) == epoch then
    epoch = epoch .. '!'
  end
  redis.call('SET', KEYS[at + 2], epoch, 'PX', math.ceil(window / 1000) * 2)
  epochs[#epochs + 1] = epoch
  limits[#limits + 1] = {KEYS[at], calls, window}
  local parked = tonumber(redis.call('GET', KEYS[at + 1]) or 0) - now
  local full = wait(KEYS[at], calls, tonumber(ARGV[place + 1]), window, epoch)
  longest = math.max(longest, parked, full)
end

if longest <= 0 then
  local score = string.format('%.0f', now)
  for _, one in ipairs(limits) do
    local log, calls, window = one[1], one[2], one[3]
    local made = redis.call('ZCARD', log)
    for call = 1, calls do -- the number keeps two calls of one microsecond apart
      redis.call('ZADD', log, score, score .. ':' .. (made + call))
    end
    redis.call('PEXPIRE', log, math.ceil(window / 1000) + 1000)
  end
end
return {longest, unpack(epochs)}
