-- All atomic operations, as one library of Redis Functions. The loader prepends the line that names
-- the library, and sets `library` to the same name. The name contains a digest of this text, so
-- that different versions of Assay can share a server.
--
-- Redis does not roll back, so a function writes only once it is certain to succeed.

local GROUP = 'evaluators'
-- A stream's positions are packed in one hash field. Their count is the stream's version.
local POSITION_BYTES = 6
local POSITION = '>I' .. POSITION_BYTES
-- Number of pending entries read at a time.
local PENDING_PAGE = 100
-- Number of new pieces of work that one call sorts by account, so that it does not block the server.
local NEW_PER_CALL_MAX = 1000

local function whole(number)
  return string.format('%.0f', number)
end

local function now_us()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- A flat list of names and values as a table.
local function fields_of(list)
  local fields = {}
  for index = 1, #list, 2 do
    fields[list[index]] = list[index + 1]
  end
  return fields
end

local function position_of(packed, version)
  return (struct.unpack(POSITION, packed, (version - 1) * POSITION_BYTES + 1))
end

local function entry_at(log, position)
  local id = whole(position) .. '-0'
  return redis.call('XRANGE', log, id, id)[1]
end

-- The last event's position and time. They have a key of their own because reading the log's last
-- entry would copy the whole event. If the two ever disagree, XADD refuses the position.
local function tail_of(text)
  local position, at = string.match(text or '0 0', '^(%d+) (%d+)$')
  return tonumber(position), tonumber(at)
end

-- The position of the last trimmed event.
local function mark_of(meta)
  return tonumber(redis.call('HGET', meta, 'mark') or '0')
end

-- The log ---------------------------------------------------------------------------------------

-- Creates missing keys. RETURNS the log's id, its schema, and whether it is being restored.
-- KEYS meta, lanes...  ARGV a log id to use if there is none, the schema to write
local function prepare(keys, args)
  local meta = keys[1]
  redis.call('HSETNX', meta, 'log_id', args[1])
  redis.call('HSETNX', meta, 'schema', args[2])
  if redis.call('HGET', meta, 'schema') == '1' then
    -- Schema 2 allows archiving, which a program that knows only schema 1 would not notice.
    -- Otherwise they are alike.
    redis.call('HSET', meta, 'schema', '2')
  end
  for index = 2, #keys do
    local lane = keys[index]
    local made = redis.pcall('XGROUP', 'CREATE', lane, GROUP, '0', 'MKSTREAM')
    if made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then
      return made
    end
  end
  return { redis.call('HGET', meta, 'log_id'), redis.call('HGET', meta, 'schema'), redis.call('HEXISTS', meta, 'restoring') }
end

-- The batch is a retry if the same events are already in its place. `ids` and `ids_end` are the
-- indexes in `args` of the first and the last event's id.
local function written_before(log, packed, expected, args, ids, ids_end)
  local count = (ids_end - ids) / 2 + 1
  local actual = #packed / POSITION_BYTES
  if actual < expected + count then
    return nil
  end
  local first, at
  for index = 1, count do
    local position = position_of(packed, expected + index)
    local entry = entry_at(log, position)
    local fields = entry and fields_of(entry[2])
    if not fields or fields.id ~= args[ids + 2 * (index - 1)] then
      return nil
    end
    first, at = first or position, at or tonumber(fields.at)
  end
  return { 'repeated', first, actual, at }
end

-- Appends events, queues work and finishes work (INV-6). Each batch succeeds or fails as a whole.
-- KEYS log, its tail, then for each batch: the stream's bucket, the lane to queue in, the lane to finish in
-- ARGV for each batch: stream, expected version, stream to queue or '', its account or '', work to finish or '',
-- how many events, then id and body of every event
-- RETURNS the outcome of each batch
local function append(keys, args)
  local log, tail = keys[1], keys[2]
  local batches, packed_of, index = {}, {}, 1
  -- Read everything before writing anything, so that an error here leaves nothing half done.
  for number = 1, (#keys - 2) / 3 do
    local stream, bucket, count = args[index], keys[3 * number], tonumber(args[index + 5])
    batches[number] = { index = index, bucket = bucket, ids = index + 6, ids_end = index + 4 + 2 * count }
    packed_of[stream] = packed_of[stream] or redis.call('HGET', bucket, stream) or ''
    index = index + 6 + 2 * count
  end

  local position, last_at = tail_of(redis.call('GET', tail))
  local head = position
  -- The server's clock may have been set back, but the log's times never decrease.
  local now = now_us()
  local at = math.max(now, last_at)
  local at_text = whole(at)
  local outcomes = {}

  for number, batch in ipairs(batches) do
    local stream, expected = args[batch.index], tonumber(args[batch.index + 1])
    local packed = packed_of[stream]
    local actual = #packed / POSITION_BYTES
    if actual ~= expected then
      outcomes[number] = written_before(log, packed, expected, args, batch.ids, batch.ids_end) or { 'conflict', actual }
    else
      local first, version, positions = position + 1, actual, { packed }
      for id = batch.ids, batch.ids_end, 2 do
        position, version = position + 1, version + 1
        -- Fails before anything is written if the position is taken (INV-5).
        redis.call('XADD', log, whole(position) .. '-0', 'stream', stream, 'version', whole(version),
          'at', at_text, 'id', args[id], 'body', args[id + 1])
        positions[#positions + 1] = struct.pack(POSITION, position)
      end
      packed_of[stream] = table.concat(positions)
      redis.call('HSET', batch.bucket, stream, packed_of[stream])
      outcomes[number] = { 'appended', first, version, at }
    end
  end
  if position > head then
    redis.call('SET', tail, whole(position) .. ' ' .. at_text)
  end

  for number, batch in ipairs(batches) do
    local enqueue, account, complete = args[batch.index + 2], args[batch.index + 3], args[batch.index + 4]
    if outcomes[number][1] == 'appended' then
      if enqueue ~= '' then
        redis.call('XADD', keys[3 * number + 1], '*', 'stream', enqueue, 'account', account, 'at', whole(now))
      end
      if complete ~= '' then
        redis.call('XACK', keys[3 * number + 2], GROUP, complete)
        redis.call('XDEL', keys[3 * number + 2], complete)
      end
    end
  end
  return outcomes
end

-- KEYS the stream's bucket, log, meta  ARGV stream, first version, at most how many
-- RETURNS the positions of those that were trimmed, then the others' entries
local function read_stream(keys, args)
  local packed = redis.call('HGET', keys[1], args[1]) or ''
  local from, limit = tonumber(args[2]), tonumber(args[3])
  local mark = mark_of(keys[3])
  local trimmed, entries = {}, {}
  for version = from, math.min(#packed / POSITION_BYTES, from + limit - 1) do
    local position = position_of(packed, version)
    if position <= mark then
      trimmed[#trimmed + 1] = position
    else
      local entry = entry_at(keys[2], position)
      if not entry then
        return redis.error_reply('MISSING position ' .. whole(position) .. ' of ' .. args[1])
      end
      entries[#entries + 1] = entry
    end
  end
  return { trimmed, entries }
end

-- KEYS the log's tail, meta  RETURNS the head and the mark
local function ends(keys)
  return { (tail_of(redis.call('GET', keys[1]))), mark_of(keys[2]) }
end

-- Whether the log still has the events that a process saw (INV-8).
-- KEYS meta, the log's tail, log  ARGV the log's id, how far it went, an event's position, its id
-- RETURNS how it differs, or ''
local function holds(keys, args)
  local log_id = redis.call('HGET', keys[1], 'log_id') or 'none'
  if log_id ~= args[1] then
    return 'it was log ' .. args[1] .. ', it is log ' .. log_id
  end
  local head, read, position = tail_of(redis.call('GET', keys[2])), tonumber(args[2]), tonumber(args[3])
  if head < math.max(read, position) then
    return whole(math.max(read, position)) .. ' was read, but it ends at ' .. whole(head)
  end
  -- Archived events are not compared.
  if position > mark_of(keys[1]) then
    local entry = entry_at(keys[3], position)
    if not entry or fields_of(entry[2]).id ~= args[4] then
      return 'another event stands at ' .. whole(position)
    end
  end
  return ''
end

-- The ends of everything that a reader waits for.
-- KEYS the log's tail, then streams  RETURNS the head, then each stream's last id
local function tails(keys)
  local ends = { (tail_of(redis.call('GET', keys[1]))) }
  for index = 2, #keys do
    local info = redis.pcall('XINFO', 'STREAM', keys[index])
    -- The stream does not exist yet.
    ends[index] = info.err and '0-0' or fields_of(info)['last-generated-id']
  end
  return ends
end

-- The archive -----------------------------------------------------------------------------------

-- Enters a segment in the manifest: in place of others, or after the last one.
-- KEYS meta, segments  ARGV first, last, text, then first and text of each that is replaced
-- RETURNS 1, or 0 when the manifest has changed
local function enter_segment(keys, args)
  local meta, segments = keys[1], keys[2]
  if #args == 3 then
    local sealed = tonumber(redis.call('HGET', meta, 'sealed') or '0')
    if tonumber(args[1]) ~= sealed + 1 then
      return 0
    end
    redis.call('HSET', meta, 'sealed', args[2])
  end
  for index = 4, #args, 2 do
    if redis.call('HGET', segments, args[index]) ~= args[index + 1] then
      return 0
    end
  end
  for index = 4, #args, 2 do
    redis.call('HDEL', segments, args[index])
  end
  redis.call('HSET', segments, args[1], args[3])
  return 1
end

-- KEYS meta, log  ARGV the position to trim through  RETURNS the mark
local function trim(keys, args)
  local meta, to = keys[1], tonumber(args[1])
  local mark = mark_of(meta)
  if to <= mark then
    return mark
  end
  local sealed = tonumber(redis.call('HGET', meta, 'sealed') or '0')
  if to > sealed then
    return redis.error_reply('REFUSED ' .. whole(to) .. ' is not in the archive, which ends at ' .. whole(sealed))
  end
  redis.call('XTRIM', keys[2], 'MINID', whole(to + 1) .. '-0')
  redis.call('HSET', meta, 'mark', whole(to))
  return to
end

-- A restore -------------------------------------------------------------------------------------

-- KEYS meta, the log's tail, log, lanes...  ARGV the log's id  RETURNS 1, or 0 when the log is not
-- empty
local function begin_restore(keys, args)
  if redis.call('EXISTS', keys[2]) == 1 or redis.call('HEXISTS', keys[1], 'sealed') == 1 then
    return 0
  end
  for index = 3, #keys do
    if redis.call('XLEN', keys[index]) > 0 then
      return 0
    end
  end
  redis.call('HSET', keys[1], 'log_id', args[1], 'restoring', '1')
  return 1
end

-- Appends events exactly as they were recorded.
-- KEYS meta, log, its tail, then the bucket of each event's stream
-- ARGV for each event: position, stream, version, time, id, body
local function import(keys, args)
  if redis.call('HEXISTS', keys[1], 'restoring') == 0 then
    return redis.error_reply('REFUSED events are imported by a restore only')
  end
  local head, at = tail_of(redis.call('GET', keys[3]))
  for number = 1, #keys - 3 do
    local first = 6 * (number - 1)
    local position, stream, version = args[first + 1], args[first + 2], tonumber(args[first + 3])
    local packed = redis.call('HGET', keys[3 + number], stream) or ''
    if tonumber(position) ~= head + 1 or #packed / POSITION_BYTES ~= version - 1 then
      return redis.error_reply('REFUSED ' .. position .. ' does not follow ' .. whole(head) .. ', or not in ' .. stream)
    end
    redis.call('XADD', keys[2], position .. '-0', 'stream', stream, 'version', args[first + 3],
      'at', args[first + 4], 'id', args[first + 5], 'body', args[first + 6])
    redis.call('HSET', keys[3 + number], stream, packed .. struct.pack(POSITION, tonumber(position)))
    head, at = head + 1, args[first + 4]
    redis.call('SET', keys[3], position .. ' ' .. at)
  end
  return 1
end

-- KEYS meta, then the lane of each piece of work  ARGV the stream and the account of each
local function finish_restore(keys, args)
  local now = whole(now_us())
  for number = 1, #keys - 1 do
    local stream, account = args[2 * number - 1], args[2 * number]
    redis.call('XADD', keys[1 + number], '*', 'stream', stream, 'account', account, 'at', now)
  end
  redis.call('HDEL', keys[1], 'restoring')
  return 1
end

-- The queue -------------------------------------------------------------------------------------

-- The consumer's name shows the state of a piece of work, and after a semicolon the account whose turn it
-- uses: work that is `waiting` is new, `<lease in ms>:<worker>` holds it, `released:<worker>` has released
-- it, and work of `needs:<abilities>` was declined by workers that lack one of these abilities. Consumers
-- without a semicolon are from versions that knew no accounts; their work is no account's.

local function consumer_of(state, account)
  return state .. ';' .. account
end

-- The state and the account in a consumer's name.
local function state_of(consumer)
  local state, account = string.match(consumer, '^(.*);([^;]*)$')
  return state or consumer, account or ''
end

local function holding(worker, lease_ms)
  return whole(lease_ms) .. ':' .. worker
end

local function released_by(worker)
  return 'released:' .. worker
end

local function declined_for(abilities)
  return 'needs:' .. abilities
end

-- The abilities that work in this state needs; nil if it was not declined.
local function needs_of(state)
  return string.match(state, '^needs:(.*)$')
end

-- The lease of work in this state, in ms; nil if no worker holds it.
local function lease_of(state)
  return tonumber(string.match(state, '^(%d+):'))
end

-- A text of names between commas as a set.
local function set_of(names)
  local set = {}
  for name in string.gmatch(names, '[^,]+') do
    set[name] = true
  end
  return set
end

-- Whether work in this state was declined for an ability that is not in the set.
local function lacks(abilities, state)
  for ability in string.gmatch(needs_of(state) or '', '[^,]+') do
    if not abilities[ability] then
      return true
    end
  end
  return false
end

-- Calls `visit(id, consumer, idle in ms, deliveries)` for pending entries, oldest first, until it returns true.
-- Begins after the entry `after` and visits those of `consumer` only, if they are given.
local function each_pending(lane, visit, after, consumer)
  local start = after and '(' .. after or '-'
  repeat
    local page = consumer and redis.call('XPENDING', lane, GROUP, start, '+', PENDING_PAGE, consumer)
      or redis.call('XPENDING', lane, GROUP, start, '+', PENDING_PAGE)
    for _, entry in ipairs(page) do
      if visit(entry[1], entry[2], entry[3], entry[4]) then
        return
      end
      start = '(' .. entry[1]
    end
  until #page < PENDING_PAGE
end

-- Whether the work is free: new, released or declined, or its holder's lease has expired.
local function is_free(state, idle_ms)
  local lease_ms = lease_of(state)
  return not lease_ms or idle_ms >= lease_ms
end

-- The number of deliveries of work that the worker holds, and its account; nil if it does not hold it.
local function held_by(worker, lane, id)
  local pending = redis.call('XPENDING', lane, GROUP, id, id, 1)[1]
  if pending then
    local state, account = state_of(pending[2])
    if string.match(state, '^%d+:(.*)$') == worker then
      return pending[4], account
    end
  end
end

-- Whether one id is smaller than the other.
local function is_before(id, other)
  local ms, number = string.match(id, '^(%d+)-(%d+)$')
  local other_ms, other_number = string.match(other, '^(%d+)-(%d+)$')
  ms, other_ms = tonumber(ms), tonumber(other_ms)
  return ms < other_ms or (ms == other_ms and tonumber(number) < tonumber(other_number))
end

-- The consumers of a lane that have work. The others are removed if `removing`: they come back when they get work.
local function consumers_of(lane, removing)
  local consumers = {}
  for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', lane, GROUP)) do
    local is = fields_of(info)
    if is.pending > 0 then
      local state, account = state_of(is.name)
      consumers[#consumers + 1] = { name = is.name, state = state, account = account, pending = is.pending }
    elseif removing then
      redis.call('XGROUP', 'DELCONSUMER', lane, GROUP, is.name)
    end
  end
  return consumers
end

-- The oldest entry of a lane that no consumer has.
local function oldest_new(lane)
  local group = fields_of(redis.call('XINFO', 'GROUPS', lane)[1])
  return redis.call('XRANGE', lane, '(' .. group['last-delivered-id'], '+', 'COUNT', 1)[1]
end

-- Makes new entries of a lane pending for the consumers of their accounts, without counting a delivery.
local function sort_new(lane)
  if not oldest_new(lane) then
    -- Reading nothing would still write, because it creates the consumer.
    return
  end
  local read = redis.call('XREADGROUP', 'GROUP', GROUP, consumer_of('waiting', ''), 'COUNT', NEW_PER_CALL_MAX,
    'STREAMS', lane, '>')
  local claims = {}
  for _, entry in ipairs(read and read[1][2] or {}) do
    local consumer = consumer_of('waiting', fields_of(entry[2]).account or '')
    claims[consumer] = claims[consumer] or { 'XCLAIM', lane, GROUP, consumer, '0' }
    table.insert(claims[consumer], entry[1])
  end
  for _, claim in pairs(claims) do
    table.insert(claim, 'RETRYCOUNT')
    table.insert(claim, '0')
    table.insert(claim, 'JUSTID')
    redis.call(unpack(claim))
  end
end

-- The accounts of a lane: the number of pieces in flight, the oldest work that has been delivered before and is
-- free for this worker, and the consumers of work that it can do.
local function accounts_of(lane, worker, lease_ms, abilities)
  local accounts = {}
  for _, consumer in ipairs(consumers_of(lane, true)) do
    local account = accounts[consumer.account] or { in_flight = 0, consumers = {} }
    accounts[consumer.account] = account
    if lease_of(consumer.state) or consumer.state == released_by(worker) then
      each_pending(lane, function(id, _, idle_ms)
        if not is_free(consumer.state, idle_ms) then
          account.in_flight = account.in_flight + 1
        elseif lease_of(consumer.state) or idle_ms >= lease_ms then
          account.oldest = (account.oldest and is_before(account.oldest, id)) and account.oldest or id
        end
        return false
      end, nil, consumer.name)
    elseif not lacks(abilities, consumer.state) then
      table.insert(account.consumers, consumer.name)
    end
  end
  return accounts
end

-- The work of a lane whose turn it is, if there is any.
local function next_of(lane, turns, worker, lease_ms, abilities)
  local first, in_flight, served = {}, nil, nil
  for name, account in pairs(accounts_of(lane, worker, lease_ms, abilities)) do
    if account.oldest or #account.consumers > 0 then
      account.served = tonumber(redis.call('ZSCORE', turns, name) or 0)
      if not in_flight or account.in_flight < in_flight
          or (account.in_flight == in_flight and account.served < served) then
        first, in_flight, served = {}, account.in_flight, account.served
      end
      if account.in_flight == in_flight and account.served == served then
        table.insert(first, account)
      end
    end
  end
  local oldest
  for _, account in ipairs(first) do
    local ids = { account.oldest }
    for _, consumer in ipairs(account.consumers) do
      table.insert(ids, redis.call('XPENDING', lane, GROUP, '-', '+', 1, consumer)[1][1])
    end
    for _, id in ipairs(ids) do
      oldest = (oldest and is_before(oldest, id)) and oldest or id
    end
  end
  return oldest
end

-- Notes that the account was served later than every other one, whatever the clock shows, and forgets old turns.
local function note_turn(turns, account, memory_us)
  local now = now_us()
  redis.call('ZREMRANGEBYSCORE', turns, '-inf', '(' .. whole(now - memory_us))
  redis.call('ZREMRANGEBYSCORE', turns, '(' .. whole(now + memory_us), '+inf')
  local last = redis.call('ZREVRANGE', turns, 0, 0, 'WITHSCORES')[2]
  redis.call('ZADD', turns, whole(math.max(now, tonumber(last or 0) + 1)), account)
end

-- KEYS lanes, the most urgent first, then the turns of each
-- ARGV worker, lease in ms, its abilities, how long a turn is remembered, in µs
-- RETURNS lane's number, id, stream, account, deliveries
local function take(keys, args)
  local worker, lease_ms, abilities = args[1], tonumber(args[2]), set_of(args[3])
  for number = 1, #keys / 2 do
    local lane, turns = keys[number], keys[#keys / 2 + number]
    sort_new(lane)
    local id = next_of(lane, turns, worker, lease_ms, abilities)
    while id do
      local pending = redis.call('XPENDING', lane, GROUP, id, id, 1)[1]
      local _, account = state_of(pending[2])
      local consumer = consumer_of(holding(worker, lease_ms), account)
      local entry = redis.call('XCLAIM', lane, GROUP, consumer, 0, id)[1]
      if entry then
        local fields = fields_of(entry[2])
        note_turn(turns, account, tonumber(args[4]))
        return { number, id, fields.stream, fields.account or '', pending[4] + 1 }
      end
      -- The entry was deleted, so that Redis has just dropped what was pending of it.
      id = next_of(lane, turns, worker, lease_ms, abilities)
    end
  end
  return false
end

-- KEYS lane  ARGV id, worker, lease in ms  RETURNS 1, or 0 when the worker does not hold it
local function extend(keys, args)
  local deliveries, account = held_by(args[2], keys[1], args[1])
  if not deliveries then
    return 0
  end
  -- JUSTID does not count as a delivery.
  local consumer = consumer_of(holding(args[2], tonumber(args[3])), account)
  redis.call('XCLAIM', keys[1], GROUP, consumer, 0, args[1], 'JUSTID')
  return 1
end

-- A claim does not wake readers of the lane, so this stream does. Only its last entry is needed.
local function notify(stream, id)
  local entry = redis.call('XADD', stream, '*', 'id', id)
  redis.call('XTRIM', stream, 'MINID', entry)
end

-- KEYS lane, the stream that notifies others  ARGV id, worker
local function release(keys, args)
  local deliveries, account = held_by(args[2], keys[1], args[1])
  if deliveries then
    redis.call('XCLAIM', keys[1], GROUP, consumer_of(released_by(args[2]), account), 0, args[1], 'JUSTID')
    notify(keys[2], args[1])
  end
  return 1
end

-- KEYS lane, the stream that notifies others  ARGV id, worker, the abilities that the work needs
local function decline(keys, args)
  local deliveries, account = held_by(args[2], keys[1], args[1])
  if deliveries then
    redis.call('XCLAIM', keys[1], GROUP, consumer_of(declined_for(args[3]), account), 0, args[1],
      'RETRYCOUNT', deliveries - 1, 'JUSTID')
    notify(keys[2], args[1])
  end
  return 1
end

-- KEYS lane  ARGV the id to begin after or nothing, how many
-- RETURNS id, stream, account and needs of each declined work
local function declined(keys, args)
  local lane, after, limit, ids, needs = keys[1], args[1], tonumber(args[2]), {}, {}
  for _, consumer in ipairs(consumers_of(lane)) do
    if (needs_of(consumer.state) or '') ~= '' then
      local count = 0
      each_pending(lane, function(id)
        ids[#ids + 1], needs[id], count = id, needs_of(consumer.state), count + 1
        return count == limit
      end, after ~= '' and after or nil, consumer.name)
    end
  end
  table.sort(ids, is_before)
  local found = {}
  for _, id in ipairs(ids) do
    local entry = #found < limit and redis.call('XRANGE', lane, id, id)[1]
    if entry then
      local fields = fields_of(entry[2])
      found[#found + 1] = { id, fields.stream, fields.account or '', needs[id] }
    end
  end
  return found
end

-- Removes the work of a stream that waits.
-- KEYS lane  ARGV stream, account
local function withdraw(keys, args)
  local lane = keys[1]
  sort_new(lane)
  local ids = {}
  for _, consumer in ipairs(consumers_of(lane)) do
    if consumer.account == args[2] and not lease_of(consumer.state) then
      each_pending(lane, function(id)
        local entry = redis.call('XRANGE', lane, id, id)[1]
        if entry and fields_of(entry[2]).stream == args[1] then
          ids[#ids + 1] = id
        end
        return false
      end, nil, consumer.name)
    end
  end
  for _, id in ipairs(ids) do
    redis.call('XACK', lane, GROUP, id)
    redis.call('XDEL', lane, id)
  end
  return 1
end

-- KEYS lane  ARGV account  RETURNS how much unfinished work the account has
local function unfinished(keys, args)
  sort_new(keys[1])
  local count = 0
  for _, consumer in ipairs(consumers_of(keys[1])) do
    if consumer.account == args[1] then
      count = count + consumer.pending
    end
  end
  return count
end

-- When a worker announced itself, in µs, and its abilities, from its text. Nothing if the announcement does not
-- count. One that is too far ahead was made before the clock was set back.
local function present(text, now, presence)
  local at, abilities = string.match(text, '^(%d+) (.*)$')
  if at and math.abs(tonumber(at) - now) < presence then
    return at, abilities
  end
end

-- KEYS workers, their facts, the drained names
-- ARGV worker, abilities, for how long this counts, in µs, its facts, its name  RETURNS whether it is drained
local function announce(keys, args)
  local now = now_us()
  local workers = redis.call('HGETALL', keys[1])
  for index = 1, #workers, 2 do
    if not present(workers[index + 1], now, tonumber(args[3])) then
      redis.call('HDEL', keys[1], workers[index])
      redis.call('HDEL', keys[2], workers[index])
    end
  end
  redis.call('HSET', keys[1], args[1], whole(now) .. ' ' .. args[2])
  redis.call('HSET', keys[2], args[1], args[4])
  return redis.call('SISMEMBER', keys[3], args[5])
end

-- KEYS workers, their facts  ARGV for how long an announcement counts, in µs
-- RETURNS worker, time, abilities and facts of each
local function workers(keys, args)
  local now, all = now_us(), {}
  local texts = redis.call('HGETALL', keys[1])
  for index = 1, #texts, 2 do
    local at, abilities = present(texts[index + 1], now, tonumber(args[1]))
    if at then
      all[#all + 1] = { texts[index], at, abilities, redis.call('HGET', keys[2], texts[index]) or '' }
    end
  end
  return all
end

-- KEYS lane  ARGV id
local function discard(keys, args)
  redis.call('XACK', keys[1], GROUP, args[1])
  redis.call('XDEL', keys[1], args[1])
  return 1
end

-- KEYS lanes  RETURNS for each: waiting, in flight, wait time of the oldest in µs
local function stats(keys)
  local now = now_us()
  local lanes = {}
  for number, lane in ipairs(keys) do
    local in_flight, oldest = 0, nil
    for _, consumer in ipairs(consumers_of(lane)) do
      if lease_of(consumer.state) then
        each_pending(lane, function(_, _, idle_ms)
          if not is_free(consumer.state, idle_ms) then
            in_flight = in_flight + 1
          end
          return false
        end, nil, consumer.name)
      end
    end
    each_pending(lane, function(id, consumer, idle_ms)
      oldest = is_free((state_of(consumer)), idle_ms) and redis.call('XRANGE', lane, id, id)[1] or nil
      return oldest
    end)
    oldest = oldest or oldest_new(lane)
    local wait_us = oldest and math.max(0, now - tonumber(fields_of(oldest[2]).at)) or 0
    lanes[number] = { redis.call('XLEN', lane) - in_flight, in_flight, wait_us }
  end
  return lanes
end

-- Runs ------------------------------------------------------------------------------------------

-- Stores a run and queues its work. An expired run with the same id is replaced. Times are in µs.
-- KEYS run, runs, the author's open runs, lane
-- ARGV id, request, when it was asked for, when it expires, how many may be open, stream to queue, its account
-- RETURNS 'created', 'existed' or 'too_many'
local function create_run(keys, args)
  local run, now, expires = keys[1], tonumber(args[3]), tonumber(args[4])
  local known = redis.call('HGET', run, 'expires')
  if known and tonumber(known) > now then
    return 'existed'
  end
  redis.call('ZREMRANGEBYSCORE', keys[3], '-inf', args[3])
  if redis.call('ZCARD', keys[3]) >= tonumber(args[5]) then
    return 'too_many'
  end
  redis.call('DEL', run)
  redis.call('HSET', run, 'request', args[2], 'requested', args[3], 'expires', args[4], 'version', '0')
  local expires_ms = whole(math.ceil(expires / 1000))
  redis.call('PEXPIREAT', run, expires_ms)
  redis.call('ZADD', keys[2], args[4], args[1])
  redis.call('ZADD', keys[3], args[4], args[1])
  redis.call('PEXPIREAT', keys[3], expires_ms)
  redis.call('XADD', keys[4], '*', 'stream', args[6], 'account', args[7], 'at', whole(now_us()))
  return 'created'
end

-- Appends events to a run and finishes work.
-- KEYS run, the author's open runs, the stream of changed runs, the lane to finish in, the author's ended runs, runs
-- ARGV id, expected version, how many changes to keep, '1' if the run ends, work to finish or '', how many ended runs
-- of the author to keep, the prefix of the keys that hold runs, then the events
-- RETURNS 'appended', and nothing; 'missing', and nothing; 'conflict', the version, and the event in the first place
local function append_run(keys, args)
  local run, expected = keys[1], tonumber(args[2])
  local version = redis.call('HGET', run, 'version')
  if not version then
    return { 'missing', 0, '' }
  end
  if tonumber(version) ~= expected then
    local event = redis.call('HGET', run, 'event:' .. whole(expected + 1))
    return { 'conflict', tonumber(version), event or '' }
  end
  local at = whole(now_us())
  for index = 8, #args do
    expected = expected + 1
    redis.call('HSET', run, 'event:' .. whole(expected), args[index], 'at:' .. whole(expected), at)
  end
  redis.call('HSET', run, 'version', whole(expected))
  if args[4] == '1' then
    redis.call('ZREM', keys[2], args[1])
    redis.call('ZADD', keys[5], at, args[1])
    redis.call('PEXPIREAT', keys[5], whole(math.ceil(tonumber(redis.call('HGET', run, 'expires')) / 1000)))
    for _, id in ipairs(redis.call('ZRANGE', keys[5], 0, -1 - tonumber(args[6]))) do
      redis.call('UNLINK', args[7] .. id)
      redis.call('ZREM', keys[5], id)
      redis.call('ZREM', keys[6], id)
    end
  end
  if args[5] ~= '' then
    redis.call('XACK', keys[4], GROUP, args[5])
    redis.call('XDEL', keys[4], args[5])
  end
  redis.call('XADD', keys[3], 'MAXLEN', args[3], '*', 'run', args[1])
  return { 'appended', expected, '' }
end

-- KEYS runs  ARGV now in µs, how many at most, the prefix of the keys that hold runs
-- RETURNS how many were removed
local function sweep_runs(keys, args)
  local expired = redis.call('ZRANGEBYSCORE', keys[1], '-inf', args[1], 'LIMIT', 0, args[2])
  for _, id in ipairs(expired) do
    redis.call('UNLINK', args[3] .. id)
    redis.call('ZREM', keys[1], id)
  end
  return #expired
end

local function register(name, callback, flags)
  redis.register_function({ function_name = library .. '_' .. name, callback = callback, flags = flags })
end

register('prepare', prepare, {})
register('append', append, {})
register('take', take, {})
register('extend', extend, {})
register('release', release, {})
register('decline', decline, {})
register('declined', declined, { 'no-writes' })
register('announce', announce, {})
register('workers', workers, { 'no-writes' })
register('unfinished', unfinished, {})
register('discard', discard, {})
register('withdraw', withdraw, {})
register('read_stream', read_stream, { 'no-writes' })
register('enter_segment', enter_segment, {})
register('trim', trim, {})
register('begin_restore', begin_restore, {})
register('import', import, {})
register('finish_restore', finish_restore, {})
register('create_run', create_run, {})
register('append_run', append_run, {})
register('sweep_runs', sweep_runs, {})
register('ends', ends, { 'no-writes' })
register('holds', holds, { 'no-writes' })
register('tails', tails, { 'no-writes' })
register('stats', stats, { 'no-writes' })
