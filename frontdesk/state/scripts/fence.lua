-- Put in front of every script.
-- KEYS: meta, log, snap, events (one hash tag, so one slot of a cluster).
-- ARGV: worker, epoch, lease in ms, retention in ms, then the script's own.
-- Replies are {status, ...}; a script writes nothing unless its status is OK.
local meta, log, snap, events = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local worker, epoch, lease, retention = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]

-- The server's clock is the only one: workers' clocks may differ. Microseconds.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function whole(number)
  return string.format('%.0f', number)
end

local held = redis.call('HMGET', meta, 'owner', 'epoch', 'until', 'seq', 'base', 'region', 'phase')
local call = held[2] and {
  owner = held[1], epoch = held[2], ends = tonumber(held[3]),
  seq = tonumber(held[4] or 0), base = tonumber(held[5] or 0),
}

-- Whether the store forgot that we claimed the call: epochs only ever rise, so one below ours is
-- of a replica that was promoted before it had our claim. The later claim counts.
local function forgot()
  return call and tonumber(call.epoch) < tonumber(epoch)
end

local function lost()
  if not call or forgot() then return {'GONE'} end
  if call.owner ~= worker or call.epoch ~= epoch then return {'FENCED', call.owner} end
end

-- Whether the call is pinned to a region other than `here`.
local function elsewhere(here)
  if call and held[6] and held[6] ~= here then return {'ELSEWHERE', held[6]} end
end

-- Pin the call to a region, if that is one.
local function pin(region)
  if region ~= '' then redis.call('HSET', meta, 'region', region) end
end

-- Whether the call is over: what its clients were told is of use to nobody for long.
local over = held[7] == 'ended'
local AFTER = '3600000'

local function keep()
  redis.call('PEXPIRE', meta, retention)
  redis.call('PEXPIRE', log, retention)
  redis.call('PEXPIRE', snap, retention)
  redis.call('PEXPIRE', events, over and tonumber(retention) > tonumber(AFTER) and AFTER or retention)
end
