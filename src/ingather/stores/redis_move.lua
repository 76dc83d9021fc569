-- Moves a job to the state that was worked out from the one that was read, if it is still that.
--
-- KEYS  record, rows, ids seen, users, job, cursors seen, index of the media, of the user, of the
--       open job, of all jobs, the queue, the tenants, the tenant's jobs
-- ARGV  1 the version that was read  2 the lease: '' as it is, '-' given back, else ms from now
--       3 over: 1 where the job is finished  4 the job's id  5 the record's text
--       6 7 8 ms that the record, the rows and the indexes outlive it
--       9 its place in the queue, '' for none  10 its tenant
--       11 12 … the job's fields and values
-- Gives 1, or 0 where somebody else moved it meanwhile.

local record, rows, ids, users, job, cursors, media, owner, open, _, queue, tenants = unpack(KEYS)
local id, over = ARGV[4], ARGV[3] == '1'

local version = redis.call('HGET', job, 'version')
if version ~= ARGV[1] then return 0 end
redis.call('STRLEN', record) -- raises where a key is not of its type, before anything is written
local holder = redis.call('GET', open)
redis.call('SCARD', media)
redis.call('SCARD', owner)
redis.call('ZCARD', queue)
redis.call('ZCARD', tenants)

-- A script that has written once may go on where memory is full: a job must be able to pause then.
redis.call('PERSIST', job)
redis.call('HSET', job, 'version', string.format('%.0f', version + 1), unpack(ARGV, 11))
if ARGV[2] == '-' then
  redis.call('HSET', job, 'lease', '')
elseif ARGV[2] ~= '' then
  local now = redis.call('TIME')
  redis.call('HSET', job, 'lease',
    string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000) + tonumber(ARGV[2])))
end
redis.call('HDEL', job, 'offered')
if ARGV[9] ~= '' then
  redis.call('ZADD', queue, ARGV[9], id)
  redis.call('ZADD', tenants, 'NX', 0, ARGV[10])
else
  redis.call('ZREM', queue, id)
end
redis.call('SET', record, ARGV[5])
redis.call('SADD', media, id)
redis.call('SADD', owner, id)
if over then
  for _, key in ipairs({record, job, cursors}) do redis.call('PEXPIRE', key, ARGV[6]) end
  for _, key in ipairs({rows, ids, users}) do redis.call('PEXPIRE', key, ARGV[7]) end
  for _, key in ipairs({media, owner}) do redis.call('PEXPIRE', key, ARGV[8]) end
  if holder == id then redis.call('DEL', open) end
else
  for _, key in ipairs({record, job, cursors, rows, ids, users, media, owner}) do
    redis.call('PERSIST', key)
  end
  if not holder then redis.call('SET', open, id) end
end
return 1
