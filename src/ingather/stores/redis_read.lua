-- Everything that says how a job stands, at one moment. Writes nothing.
--
-- KEYS  record, rows, ids seen, users, job, cursors seen, …, index of all jobs (last)
-- ARGV  1 the job's id
-- Gives {now in ms, the record, the job's fields and values, rows, ids, users?, cursors,
--        whether the job is one of ours, ms until the record and until the rows expire}.

local record, rows, ids, users, job, cursors = unpack(KEYS)
local now = redis.call('TIME')
return {
  now[1] * 1000 + math.floor(now[2] / 1000),
  redis.call('GET', record),
  redis.call('HGETALL', job),
  redis.call('LLEN', rows),
  redis.call('SCARD', ids),
  redis.call('EXISTS', users),
  redis.call('SCARD', cursors),
  redis.call('ZSCORE', KEYS[#KEYS], ARGV[1]) and 1 or 0,
  redis.call('PTTL', record),
  redis.call('PTTL', rows),
}
