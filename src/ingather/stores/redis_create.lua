-- Stores a new job, or names the unfinished one that has its key.
--
-- KEYS  as in redis_move.lua
-- ARGV  1 the job's id  2 fresh: 1 where it is wanted in any case  3 the record's text
--       4 when it was created, in ms  5 its place in the queue, '' for none  6 its tenant
--       7 8 … its fields and values
-- Gives nil where it was stored, else the id of the other.

local record, _, _, _, job, _, media, owner, open, jobs, queue, tenants, mine = unpack(KEYS)
local id = ARGV[1]

local other = redis.call('GET', open)
if other and ARGV[2] ~= '1' and redis.call('EXISTS', 'igexp:' .. other .. ':job') == 1 then
  return other
end
redis.call('SCARD', media) -- raises where a key is not of its type, before anything is written
redis.call('SCARD', owner)
redis.call('ZCARD', jobs)
redis.call('ZCARD', queue)
redis.call('ZCARD', tenants)
redis.call('ZCARD', mine)
redis.call('HSET', job, unpack(ARGV, 7))
redis.call('SET', record, ARGV[3])
redis.call('SADD', media, id)
redis.call('SADD', owner, id)
redis.call('PERSIST', media)
redis.call('PERSIST', owner)
redis.call('SET', open, id)
redis.call('ZADD', jobs, ARGV[4], id)
redis.call('ZADD', mine, ARGV[4], id)
if ARGV[5] ~= '' then
  redis.call('ZADD', queue, ARGV[5], id)
  redis.call('ZADD', tenants, 'NX', 0, ARGV[6])
end
return nil
