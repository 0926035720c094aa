#pragma once

// What the redis sink has a server do with some events, in one step.
namespace presence::notifier {

inline constexpr int kScriptKeys = 4;        // place, mark, online, stream; then one for each event
inline constexpr int kScriptArguments = 12;  // before those of the events

// A row is written unless what is held is newer, by (epoch, seq); what is published, and added to
// the stream, only if that is older. So what is told twice changes nothing.
//
// KEYS: place, mark, online, stream ("online" again if there is none), then each event's hash.
// ARGV: expected place, next place ("": as it is), ms until the mark ends, ms until who is offline
// is forgotten (0: never), channel, stream?, its length, then cluster, notifier, sink, as_of_ms,
// freshness of the mark, then for each event: user, state, score, JSON, how many follow of its row,
// and its row as HSET takes it, epoch and seq first. A notice has the state "notice" and no row.
//
// Answers with the numbers of events, from 1, whose key holds what is not ours; or LOST and what
// the place is, if that is not what was expected: then nothing was done.
inline constexpr const char* kRedisScript = R"lua(
local call = redis.call
local there = call('GET', KEYS[1]) or ''
if there ~= ARGV[1] then return redis.error_reply('LOST ' .. there) end
local ttl, channel, stream = tonumber(ARGV[4]), ARGV[5], ARGV[6]
local refused = {}
local at = 13
for k = 5, #KEYS do
  local key, user, state = KEYS[k], ARGV[at], ARGV[at + 1]
  local row, last = at + 5, at + 4 + tonumber(ARGV[at + 4])
  local news = state == 'notice'
  if not news then
    local held = redis.pcall('HMGET', key, 'epoch', 'seq')
    if held.err then
      refused[#refused + 1] = k - 4
    else
      local epoch, seq = tonumber(ARGV[row + 1]), tonumber(ARGV[row + 3])
      local e, s = tonumber(held[1] or -1), tonumber(held[2] or -1)
      news = epoch > e or (epoch == e and seq > s)
      if news or (epoch == e and seq == s) then
        if e >= 0 then call('DEL', key) end
        call('HSET', key, unpack(ARGV, row, last))
        if state == 'online' then
          call('ZADD', KEYS[3], ARGV[at + 2], user)
        else
          call('ZREM', KEYS[3], user)
          if ttl > 0 then call('PEXPIRE', key, ttl) end
        end
      end
    end
  end
  if news then
    if channel ~= '' then call('PUBLISH', channel, ARGV[at + 3]) end
    if stream ~= '' then call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[7], '*', 'event', ARGV[at + 3]) end
  end
  at = last + 1
end
if ARGV[2] ~= '' and #refused == 0 then
  call('SET', KEYS[1], ARGV[2])
  call('HSET', KEYS[2], 'cluster', ARGV[8], 'notifier', ARGV[9], 'sink', ARGV[10],
       'as_of_ms', ARGV[11], 'freshness', ARGV[12], 'place', ARGV[2])
  call('PEXPIRE', KEYS[2], ARGV[3])
end
return refused
)lua";

}  // namespace presence::notifier
