-- Erase a call, whoever holds it. What stays for a while is a mark without content under a higher
-- epoch: a worker that still has the call in memory cannot write it back.
-- KEYS behind the usual three: all else that is kept of the call. ARGV[5]: ms to keep the mark.
local epoch = call and whole(tonumber(call.epoch) + 1) or '1'
for i = 1, #KEYS do redis.call('DEL', KEYS[i]) end
redis.call('HSET', meta, 'owner', worker, 'epoch', epoch, 'until', '0')
redis.call('PEXPIRE', meta, ARGV[5])
return {'OK'}
