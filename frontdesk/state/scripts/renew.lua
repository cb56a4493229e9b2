-- Prolong the lease; with a lease of 0, give it back. Reply: OK | FENCED, owner | GONE.
local refused = lost()
if refused then return refused end
if lease > 0 then
  redis.call('HSET', meta, 'until', whole(now + lease * 1000))
else
  redis.call('HSET', meta, 'owner', '', 'until', '0')
end
keep()
return {'OK'}
