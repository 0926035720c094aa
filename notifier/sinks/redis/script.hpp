#pragma once

// What the redis sink has a server do with some events, in one step.
namespace presence::notifier {

inline constexpr int kScriptKeys = 4;        // place, mark, online, stream; then one for each event
inline constexpr int kScriptArguments = 12;  // before those of the events
inline constexpr int kEventArguments = 11;

// A row is written unless what is held is newer, by (epoch, seq); what is published, and added to
// the stream, only if that is older. So what is told twice changes nothing.
//
// KEYS: place, mark, online, stream ("online" again if there is none), then each event's hash.
// ARGV: expected place, next place ("": as it is), ms until the mark ends, ms until who is offline
// is forgotten (0: never), channel, stream?, its length, then cluster, notifier, sink, as_of_ms,
// freshness of the mark, then for each event: user, state, since_ms, last_seen_ms, status, reason,
// at_ms, slot, epoch, seq, JSON; "" is none. A notice has the state "notice".
//
// Answers with the numbers of events, from 1, whose key holds what is not ours; or LOST and what
// the place is, if that is not what was expected: then nothing was done.
inline constexpr const char* kRedisScript = R"lua(
local there = redis.call('GET', KEYS[1]) or ''
if there ~= ARGV[1] then return redis.error_reply('LOST ' .. there) end
local ttl, channel, stream = tonumber(ARGV[4]), ARGV[5], ARGV[6]
local refused = {}
local at = 12
for k = 5, #KEYS do
  local key, user, state = KEYS[k], ARGV[at + 1], ARGV[at + 2]
  local epoch, seq = tonumber(ARGV[at + 9]), tonumber(ARGV[at + 10])
  local news = state == 'notice'
  if not news then
    local held = redis.pcall('HMGET', key, 'epoch', 'seq')
    if held.err then
      refused[#refused + 1] = k - 4
    else
      local e, s = tonumber(held[1] or -1), tonumber(held[2] or -1)
      news = epoch > e or (epoch == e and seq > s)
      if news or (epoch == e and seq == s) then
        local row = {'state', state, 'reason', ARGV[at + 6], 'at_ms', ARGV[at + 7],
                     'slot', ARGV[at + 8], 'epoch', ARGV[at + 9], 'seq', ARGV[at + 10]}
        for n, name in ipairs({'since_ms', 'last_seen_ms', 'status'}) do
          local value = ARGV[at + 2 + n]
          if value ~= '' then
            row[#row + 1] = name
            row[#row + 1] = value
          end
        end
        if e >= 0 then redis.call('DEL', key) end
        redis.call('HSET', key, unpack(row))
        if state == 'online' then
          local since = ARGV[at + 3]
          if since == '' then since = ARGV[at + 7] end
          redis.call('ZADD', KEYS[3], since, user)
        else
          redis.call('ZREM', KEYS[3], user)
          if ttl > 0 then redis.call('PEXPIRE', key, ttl) end
        end
      end
    end
  end
  if news then
    if channel ~= '' then redis.call('PUBLISH', channel, ARGV[at + 11]) end
    if stream ~= '' then
      redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[7], '*', 'event', ARGV[at + 11])
    end
  end
  at = at + 11
end
if ARGV[2] ~= '' and #refused == 0 then
  redis.call('SET', KEYS[1], ARGV[2])
  redis.call('HSET', KEYS[2], 'cluster', ARGV[8], 'notifier', ARGV[9], 'sink', ARGV[10],
             'as_of_ms', ARGV[11], 'freshness', ARGV[12], 'place', ARGV[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
return refused
)lua";

}  // namespace presence::notifier
