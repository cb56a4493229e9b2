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
    local kept = redis.call('HINCRBY', meta, 'kept', #ARGV[8])
    while kept > tonumber(ARGV[10]) do
      local oldest = redis.call('XRANGE', events, '-', '+', 'COUNT', 1)[1]
      if not oldest then
        kept = 0
        break
      end
      redis.call('XDEL', events, oldest[1])
      kept, gone = kept - #oldest[2][2], oldest[1]
    end
    redis.call('HSET', meta, 'told', id, 'kept', kept)
    if gone ~= '' then redis.call('HSET', meta, 'gone', gone) end
  end
end
keep()
return {'OK'}
