-- Offers the next waiting job to one worker, which then claims it.
--
-- KEYS  1 sorted set of tenants, by when one of their jobs was last offered (us)
-- ARGV  1 ms for which nobody else is offered it  2 sandbox: 1 or 0  3 … sources
-- Gives {the job's id, its tenant}, or nil where none is due.
--
-- A tenant's queue is in the order in which its jobs are to be taken up; those that are held or
-- not yet due are passed over where they stand.

local PART = 50
local DAY = 86400 * 1000000
local RANK = 4000000000000 -- what a step of priority is in a place (redis_keys.place)

local time = redis.call('TIME')
local exact = time[1] * 1000000 + time[2]
local now = math.floor(exact / 1000)
local wanted = {}
for place = 3, #ARGV do wanted[ARGV[place]] = true end

local gone = {}
local function first(queue)
  local from = 0
  while true do
    local part = redis.call('ZRANGE', queue, from, from + PART - 1, 'WITHSCORES')
    if #part == 0 then return nil, from == 0 end
    from = from + PART
    for place = 1, #part, 2 do
      local id = part[place]
      local job = redis.call('HMGET', 'igexp:' .. id .. ':job', 'due', 'lease', 'offered',
        'source', 'sandbox', 'priority')
      if not job[1] or job[1] == '' then
        gone[#gone + 1] = {queue, id}
      elseif tonumber(job[1]) <= now and (job[2] == '' or tonumber(job[2]) <= now)
          and (not job[3] or tonumber(job[3]) <= now)
          and wanted[job[4]] and job[5] == ARGV[2] then
        local rank = math.max(-1000, math.min(1000, tonumber(job[6])))
        return {id, tonumber(part[place + 1]) + rank * RANK}, false
      end
    end
  end
end

local best, idle
-- Tenants come in the order of their turns, whatever the priority of their jobs: only an older job
-- in the same turn goes before one that was found.
local function look(from)
  local tenants = redis.call('ZRANGE', KEYS[1], from, from + PART - 1, 'WITHSCORES')
  for place = 1, #tenants, 2 do
    local tenant, served = tenants[place], tonumber(tenants[place + 1])
    if best and served > best[4] then return end
    local found, empty = first('igexp:index:queue:' .. tenant)
    if empty and served < exact - DAY then
      idle = idle or {}
      idle[#idle + 1] = tenant
    end
    if found and (not best or found[2] < best[2]) then
      best = {found[1], found[2], tenant, served}
    end
  end
  if #tenants > 0 then return look(from + PART) end
end
look(0)

for _, each in ipairs(gone) do redis.call('ZREM', each[1], each[2]) end
for _, tenant in ipairs(idle or {}) do redis.call('ZREM', KEYS[1], tenant) end
if not best then return nil end
redis.call('HSET', 'igexp:' .. best[1] .. ':job', 'offered',
  string.format('%.0f', now + tonumber(ARGV[1])))
redis.call('ZADD', KEYS[1], string.format('%.0f', exact), best[3])
return {best[1], best[3]}
