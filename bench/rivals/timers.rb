# The algorithm of the original library: a timer for every heartbeat, which finds at its end whether
# a newer one came. timers.rb SOCKET TTL: a unix socket takes ids of 16 bytes; the same connection is
# told who went offline. EventMachine's own bound of timers is raised.
require 'eventmachine'

TTL = ARGV[1].to_f
LAST = {}
EM.set_max_timers(10_000_000)

module Heartbeats
  def receive_data(data)
    @rest = (@rest || ''.b) << data
    on_heartbeat(@rest.slice!(0, 16)) while @rest.bytesize >= 16
  end

  def on_heartbeat(user)
    beat = Object.new
    LAST[user] = beat
    EM.add_timer(TTL) do
      if LAST[user].equal?(beat)
        LAST.delete(user)
        send_data(user)
      end
    end
  end
end

EM.epoll
EM.run { EM.start_unix_domain_server(ARGV[0], Heartbeats) }
