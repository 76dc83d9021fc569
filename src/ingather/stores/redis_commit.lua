-- Commits one page of a job, whole or not at all.
--
-- KEYS  record, rows, ids seen, users, job, cursors seen
-- ARGV  1 fence  2 sequence  3 most  4 reason at most  5 end  6 end if nothing is new
--       7 field of the target  8 the target's JSON  9 fingerprint of its cursor
--       10 fetched  11 calls  12 retries  13 parks  14 waited  15 repaired
--       16 units  17-22 the record's text in pieces  23 how many ids were filtered
--       24 how many rows,
--       then the filtered ids, the rows' ids, users (empty: unknown), JSON texts, and one text of
--       a 0 or 1 for each row: whether it is a reply.
-- Gives {outcome, wish}, 'fence' where the lease is not the caller's, 'lost' where keys are gone.
--
-- A script that fails undoes nothing, so everything is read, and its type checked by reading it,
-- before the first write. No JSON is decoded here: cjson would not give it back as it was.

local record, rows, ids, users, job, cursors = unpack(KEYS)
local CHUNK = 4000 -- Lua's stack holds 8,000 values

local function integer(number)
  return string.format('%.0f', number)
end

local state = redis.call('HMGET', job, 'fence', 'lease', 'sequence', 'last', 'wish', 'version',
  'fetched', 'appended', 'skippedDupes', 'uniqUsers', 'filtered', 'replies', 'refused', 'pages',
  'calls', 'retries', 'parks', 'waited', 'repaired', 'units')
if not state[1] then return 'lost' end
if state[1] ~= ARGV[1] or state[2] == '' then return 'fence' end
local sequence = tonumber(state[3])
if tonumber(ARGV[2]) == sequence and state[4] and state[4] ~= '' then
  return {state[4], state[5]}
end
if tonumber(ARGV[2]) ~= sequence + 1 then return 'fence' end

local count = {}
for place = 7, 20 do count[place] = tonumber(state[place] or '0') end
local kept, uniq = count[8], count[10]

local function gone(key, expected) -- what must be there and is not
  return expected > 0 and redis.call('EXISTS', key) == 0
end
if redis.call('STRLEN', record) == 0 or redis.call('LLEN', rows) ~= kept
    or redis.call('SCARD', ids) < kept or gone(users, uniq) then
  return 'lost'
end
redis.call('PFCOUNT', users)
redis.call('SCARD', cursors)

-- Which of `length` ids from ARGV[first] on are known already: a list of 0 and 1.
local function known(first, length)
  local found = {}
  for from = 0, length - 1, CHUNK do
    local till = math.min(from + CHUNK, length)
    local part = redis.call('SMISMEMBER', ids, unpack(ARGV, first + from, first + till - 1))
    for place = 1, #part do found[from + place] = part[place] end
  end
  return found
end

local filtered, length = tonumber(ARGV[23]), tonumber(ARGV[24])
local at_ids = 25 + filtered
local at_users = at_ids + length
local at_texts = at_users + length
local replying = ARGV[at_texts + length]

local add, names, texts = {}, {}, {}
local new, taken, refused, replies = 0, 0, 0, 0
local room = tonumber(ARGV[3]) - kept
local old, here = known(at_ids, length), {}
for place = 1, length do
  local id = ARGV[at_ids + place - 1]
  if old[place] == 0 and not here[id] then
    here[id] = true
    new = new + 1
    if taken < room then
      taken = taken + 1
      add[#add + 1] = id
      texts[taken] = ARGV[at_texts + place - 1]
      local user = ARGV[at_users + place - 1]
      if user ~= '' then names[#names + 1] = user end
      if string.byte(replying, place) == 49 then replies = replies + 1 end
    else
      refused = refused + 1
    end
  end
end
old = known(25, filtered)
for place = 1, filtered do
  local id = ARGV[24 + place]
  if old[place] == 0 and not here[id] then
    here[id] = true
    new = new + 1
    add[#add + 1] = id
  end
end

-- From here on only writes; the first of them is refused as a whole where memory is full.
local function write(command, key, values)
  for from = 1, #values, CHUNK do
    redis.call(command, key, unpack(values, from, math.min(from + CHUNK - 1, #values)))
  end
end
write('SADD', ids, add)
write('RPUSH', rows, texts)
write('PFADD', users, names)
if ARGV[9] ~= '' then redis.call('SADD', cursors, ARGV[9]) end

local fetched = tonumber(ARGV[10])
count[7] = count[7] + fetched
count[8] = kept + taken
count[9] = count[9] + fetched - new
if #names > 0 then count[10] = redis.call('PFCOUNT', users) end
count[11] = count[11] + new - taken - refused
count[12] = count[12] + replies
count[13] = count[13] + refused
count[14] = count[14] + 1
for place = 15, 20 do count[place] = count[place] + tonumber(ARGV[place - 4]) end
for place = 7, 20 do count[place] = integer(count[place]) end

local reason = ARGV[5]
if refused > 0 then reason = ARGV[4] elseif reason == '' and new == 0 then reason = ARGV[6] end
local status = reason == '' and 'running' or 'csv_pending'
local last = table.concat({integer(new), integer(taken), integer(refused), status,
  reason == '' and '-' or reason, unpack(count, 7, 20)}, ' ')

redis.call('HSET', job, 'sequence', ARGV[2], 'last', last, 'version', integer(state[6] + 1),
  'status', status, 'reason', reason, 'attempts', '0', 'error', '', ARGV[7], ARGV[8],
  'fetched', count[7], 'appended', count[8], 'skippedDupes', count[9], 'uniqUsers', count[10],
  'filtered', count[11], 'replies', count[12], 'refused', count[13], 'pages', count[14],
  'calls', count[15], 'retries', count[16], 'parks', count[17], 'waited', count[18],
  'repaired', count[19], 'units', count[20])
redis.call('SET', record, table.concat({ARGV[17], status, ARGV[18], count[7], ARGV[19], count[8],
  ARGV[20], count[9], ARGV[21], count[10], ARGV[22]}))
return {last, state[5]}
