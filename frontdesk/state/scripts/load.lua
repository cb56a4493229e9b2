-- All of a call as it is at this moment. ARGV: the reader's region.
-- Reply: OK, seq, snapshot, {entries} | ELSEWHERE, region | GONE.
if not call or not held[4] then return {'GONE'} end
local refused = elsewhere(ARGV[5])
if refused then return refused end
return {'OK', held[4], redis.call('GET', snap), redis.call('LRANGE', log, 0, -1)}
