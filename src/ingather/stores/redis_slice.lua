-- Some rows of a job, and what is needed to know that they are all there. Writes nothing.
--
-- KEYS  1 record  2 rows  3 the job    ARGV  1 first  2 last
-- Gives {rows appended ('' where the job's own keys are not there), the record then, rows there,
--        the rows asked for}.

local appended = redis.call('HGET', KEYS[3], 'appended')
local there = redis.call('LLEN', KEYS[2])
local found = {}
if tonumber(ARGV[2]) >= tonumber(ARGV[1]) then
  found = redis.call('LRANGE', KEYS[2], ARGV[1], ARGV[2])
end
local record = redis.call('STRLEN', KEYS[1]) > 0
if appended then
  return {appended, record and '' or false, there, found}
end
return {'', redis.call('GET', KEYS[1]), there, found}
