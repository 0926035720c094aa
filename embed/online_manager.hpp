#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Presence inside one's own program: heartbeats in, two callbacks out. docs/library.md explains it
// beside the Ruby library it descends from.
namespace presence {

class OnlineManager;

// What a program tells the manager once, and hears from it. Every call comes from within the
// manager's process(), run() or close(), but for the first three, which come from its constructor.
// All but the const ones may throw (see OnlineManager::process) and may call the manager: seen,
// leave, watch, stop, any question.
class OnlineConfig {
public:
    virtual ~OnlineConfig() = default;

    // Silence after which a user is offline: 1 s..24 h.
    [[nodiscard]] virtual std::chrono::milliseconds timeout() const = 0;
    // Beyond that many users at once heartbeats of new ones are left out and counted.
    [[nodiscard]] virtual std::uint64_t users_max() const { return 20'000'000; }
    // Opens whatever heartbeats come from. Call manager.seen(id) for each, from here on; with run()
    // the manager's loop is the program's, so give it what to wait for: manager.watch(fd, ...).
    virtual void setup(OnlineManager& manager) { static_cast<void>(manager); }

    // Who may be left online from an earlier run, for example from the database: each is told
    // offline before anything else is told.
    [[nodiscard]] virtual std::vector<std::string> online_before() { return {}; }
    virtual void online(const std::string& id) = 0;
    virtual void offline(const std::string& id) = 0;
};

// What may be said about a heartbeat.
struct Beat {
    // One connection of the user: they are online while any of theirs lives. Empty is one as well.
    std::string_view session{};
    // 1 s..24 h; 0: the timeout.
    std::chrono::milliseconds ttl{0};
};

// What may be said about a leave.
struct Leave {
    // Only this one; without, all of the user's.
    std::optional<std::string_view> session{};
    // They may be back before anybody is told, for example as a page is loaded anew: told offline
    // after that, and not later than without a leave, unless a heartbeat comes first.
    std::chrono::milliseconds linger{0};
};

// What became of a heartbeat. Ids are 1..128 bytes of UTF-8 without control characters, sessions at
// most 64; both are compared as bytes.
enum class Seen { yes, bad_id, bad_session, bad_ttl, closed };

// Heartbeats that were right but found no room, since the start.
struct LeftOut {
    std::uint64_t users = 0;  // users_max() were online
    // Of users with 16 sessions already. They count, for a session of the user's that they share:
    // it lasts for the longest ttl of theirs, and no leave() of it alone ends it.
    std::uint64_t sessions = 0;
};

// Tells who came online and who went offline, from heartbeats alone. A user is online from a
// heartbeat until their ttl passed without another, which is told at the same moment or a few
// milliseconds later, never earlier. Costs no timer a heartbeat, and about 75 bytes a user.
//
// Nothing is called from within seen() and leave(): process() tells, in the order in which things
// happened, each transition once. What a question answers may therefore be ahead of what was told.
//
// For one thread, and without threads of its own: only stop() may be called from others and from
// signal handlers. Any number of managers may live in one thread.
class OnlineManager {
public:
    // Runs until stop(). Everyone is told offline at the end, also if it ends by an exception.
    static void run(OnlineConfig& config);
    static void run(OnlineConfig&& config) { run(config); }

    // Joins a loop that already runs: poll fd() for input, and when there is some call process().
    // `config` must outlive the manager.
    [[nodiscard]] static OnlineManager setup(OnlineConfig& config) { return OnlineManager(config); }
    explicit OnlineManager(OnlineConfig& config);
    // As close(), but an exception goes no further.
    ~OnlineManager();
    OnlineManager(const OnlineManager&) = delete;
    OnlineManager& operator=(const OnlineManager&) = delete;

    [[nodiscard]] int fd() const;
    // Reads what watched files have, then tells what has happened, at most 1,000 transitions a
    // call: with more, or with new ones made by the callbacks, fd() is ready again at once. Never
    // waits. May be called when fd() is not ready.
    //
    // An exception thrown by a callback reaches the caller. The transition it was thrown for counts
    // as told; what else there is to tell waits for the next call.
    void process();

    // A heartbeat, now; it may count from up to 2 ms later. Users who come online are told by the
    // next process(), for which fd() is ready within 2 ms.
    Seen seen(std::string_view id) { return seen(id, {}); }
    Seen seen(std::string_view id, const Beat& how);
    // Ends all of the user's sessions, or the one named, at once or after a while. Returns whether
    // there was one.
    bool leave(std::string_view id) { return leave(id, Leave{}); }
    bool leave(std::string_view id, const Leave& how);
    bool leave(std::string_view id, std::string_view session) {
        return leave(id, Leave{.session = session});
    }
    // Everyone who is online stays so for their whole ttl from now, or for what was left of it when
    // they left to linger; also who was silent for longer but is not found offline yet: for when
    // nobody could be heard, because what heartbeats come from was away or the program itself stood
    // still.
    void renew_all();

    [[nodiscard]] bool is_online(std::string_view id) const;
    [[nodiscard]] std::size_t online_count() const;
    // Calls fn(id) once for everyone who is online, in no particular order. `fn` may call the
    // manager; who comes meanwhile may be left out.
    void each_online(const std::function<void(std::string_view id)>& fn) const;
    [[nodiscard]] LeftOut left_out() const;

    // Calls `on_readable` from process() whenever `fd` has input or its other end is gone. The
    // file is not owned: unwatch it before it is closed. Watching it again replaces the call.
    // Throws std::system_error for what cannot be polled.
    void watch(int fd, std::function<void()> on_readable);
    void unwatch(int fd);

    // Ends run(); with a loop of one's own, see stopped(). From any thread or signal handler.
    void stop() noexcept;
    [[nodiscard]] bool stopped() const noexcept;
    // Tells what is not told yet, then everyone else who is online offline. All of them are told;
    // then the first exception is thrown on. From then on nobody is online and nothing is told.
    void close();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace presence
