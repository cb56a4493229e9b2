-- Append entries behind the one numbered `after`. Safe to repeat: those already there are skipped.
-- ARGV: after, phase of the call ('open', 'ended', or '' for no change), entries...
-- Reply: OK | FENCED, owner | GONE | GAP, seq.
local refused = lost()
if refused then return refused end
local after = tonumber(ARGV[5])
if after > call.seq then return {'GAP', whole(call.seq)} end
local first = 7 + call.seq - after
if first <= #ARGV then
  -- First, for it alone can be refused for want of memory: then nothing was written.
  redis.call('RPUSH', log, unpack(ARGV, first))
  redis.call('HSET', meta, 'seq', whole(after + #ARGV - 6))
end
redis.call('HSET', meta, 'until', whole(now + lease * 1000))
if ARGV[6] ~= '' then redis.call('HSET', meta, 'phase', ARGV[6]) end
keep()
return {'OK'}
