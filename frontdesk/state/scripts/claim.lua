-- Take the call, or make it. ARGV: '1' to take it even while another's lease runs.
-- Reply: OK, epoch, seq, opened | HELD, owner, microseconds left.
if call and ARGV[5] ~= '1' and call.owner ~= worker and call.ends > now then
  return {'HELD', call.owner, whole(call.ends - now)}
end
local opened = whole(now)
if call then
  epoch = whole(tonumber(call.epoch) + 1)
  opened = ''
else
  epoch = '1'
  redis.call('HSET', meta, 'seq', '0', 'base', '0', 'opened', opened)
end
redis.call('HSET', meta, 'owner', worker, 'epoch', epoch, 'until', whole(now + lease * 1000))
keep()
return {'OK', epoch, call and whole(call.seq) or '0', opened}
