-- Keep something of a caller, if it comes of a call that is still counted theirs: what a call that
-- was erased meanwhile has to say comes too late.
-- KEYS: the caller's calls, the key to write (one hash tag).
-- ARGV: call id ('' for none), seconds to keep it, field ('' for a string), value.
-- Reply: 1 when it was kept, else 0.
if ARGV[1] ~= '' and not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
if ARGV[3] == '' then
  redis.call('SET', KEYS[2], ARGV[4], 'EX', ARGV[2])
else
  redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
  if redis.call('TTL', KEYS[2]) < tonumber(ARGV[2]) then
    redis.call('EXPIRE', KEYS[2], ARGV[2])
  end
end
return 1
