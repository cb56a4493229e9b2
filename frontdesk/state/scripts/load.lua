-- All of a call as it is at this moment. Reply: seq, snapshot, {entries}; nothing without a call.
if not call then return {} end
return {held[4], redis.call('GET', snap), redis.call('LRANGE', log, 0, -1)}
