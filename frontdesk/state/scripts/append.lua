-- Append entries behind the one numbered `after`, and what clients were told with them to the stream
-- of events. Safe to repeat: what is already there is skipped.
-- ARGV: after, phase of the call ('open', 'ended', or '' for no change), the last event's number in
-- this epoch ('' for no events), the events, the id of the last event that may be missing ('' for
-- none), bytes of events to keep, entries...
-- Reply: OK | FENCED, owner | GONE | GAP, seq.
local refused = lost()
if refused then return refused end
local after = tonumber(ARGV[5])
if after > call.seq then return {'GAP', whole(call.seq)} end
local first = 11 + call.seq - after
if first <= #ARGV then
  -- First, for it alone can be refused for want of memory: then nothing was written.
  redis.call('RPUSH', log, unpack(ARGV, first))
  redis.call('HSET', meta, 'seq', whole(after + #ARGV - 10))
end
redis.call('HSET', meta, 'until', whole(now + lease * 1000))
if ARGV[6] ~= '' then
  redis.call('HSET', meta, 'phase', ARGV[6])
  over = ARGV[6] == 'ended'
end
if ARGV[7] ~= '' then
  local id, gone = epoch .. '-' .. ARGV[7], ARGV[9]
  if redis.call('HGET', meta, 'told') ~= id then
    redis.call('XADD', events, id, 'e', ARGV[8])
    local kept, most = redis.call('HINCRBY', meta, 'kept', #ARGV[8]), tonumber(ARGV[10])
    -- A quarter at once: to look for the oldest costs more than to write the newest.
    local goal = kept > most and most * 3 / 4 or kept
    while kept > goal do
      local oldest, ids = redis.call('XRANGE', events, '-', '+', 'COUNT', 16), {}
      for _, entry in ipairs(oldest) do
        if kept > goal then
          ids[#ids + 1], gone = entry[1], entry[1]
          kept = kept - #entry[2][2]
        end
      end
      if #ids == 0 then
        kept, goal = 0, 0
      else
        redis.call('XDEL', events, unpack(ids))
      end
    end
    redis.call('HSET', meta, 'told', id, 'kept', kept)
    if gone ~= '' then redis.call('HSET', meta, 'gone', gone) end
  end
end
keep()
return {'OK'}
