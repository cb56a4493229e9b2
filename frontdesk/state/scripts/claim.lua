-- Take the call, or make it. ARGV: '1' to take it even while another's lease runs, the worker's region.
-- Reply: OK, epoch, seq, opened, region of the call | HELD, owner, microseconds left | ELSEWHERE, region.
local refused = elsewhere(ARGV[6])
if refused then return refused end
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
  pin(ARGV[6])
end
redis.call('HSET', meta, 'owner', worker, 'epoch', epoch, 'until', whole(now + lease * 1000))
keep()
return {'OK', epoch, call and whole(call.seq) or '0', opened, call and (held[6] or '') or ARGV[6]}
