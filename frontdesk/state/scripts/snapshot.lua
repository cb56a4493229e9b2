-- Put a snapshot in place of the entries up to `seq`. It also mends a store that has less than
-- was acknowledged, be it the call, its last entries or our claim: then the snapshot is all there
-- is, and what another wrote that was fenced where our claim was known goes.
-- ARGV: seq, opened in microseconds, snapshot, the call's region. Reply: OK | OK, 'made' | FENCED, owner.
local made = not call
if made or forgot() then
  call = {seq = 0, base = 0}
  redis.call('HSET', meta, 'epoch', epoch, 'opened', ARGV[6])
  pin(ARGV[8])
else
  local refused = lost()
  if refused then return refused end
end
local seq = tonumber(ARGV[5])
if seq < call.base then return {'OK'} end
redis.call('SET', snap, ARGV[7])
if seq >= call.seq then
  redis.call('DEL', log)
  redis.call('HSET', meta, 'seq', whole(seq))
elseif seq > call.base then
  redis.call('LTRIM', log, seq - call.base, -1)
end
redis.call('HSET', meta, 'base', whole(seq), 'owner', worker, 'until', whole(now + lease * 1000))
keep()
return made and {'OK', 'made'} or {'OK'}
