#include "embed/online_manager.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "common/secret_hash.hpp"
#include "embed/manager_core.hpp"
#include "embed/wakeups.hpp"

namespace presence {
namespace {

constexpr std::size_t kToldAtOnce = 1'000;
// A heartbeat from outside process() waits for this long at most. It counts from then, so that this
// is also how much later than at the timeout an offline may be.
constexpr Duration kWaitMax = 2ms;
// With many users something is due all the time: then it is told this often, not each time.
constexpr Duration kWakeSpacing = 4ms;

}  // namespace

struct OnlineManager::Impl {
    explicit Impl(OnlineConfig& given)
        : config(given),
          core({.timeout = given.timeout(), .users_max = given.users_max(), .grain = 1us}) {}

    OnlineConfig& config;
    embed::Wakeups wakeups;
    embed::ManagerCore core;
    Instant woken{};
    bool processing = false;
    bool closed = false;

    embed::Passed passed() const {
        const auto passed = wakeups.now() - core.now();
        return {static_cast<std::uint64_t>(std::max(passed, Duration(0)).count())};
    }
    void look_at_clock() { core.pass(passed()); }
    void wake_in_time() {
        if (core.untold() > 0) {
            wakeups.wake_at(core.now());
        } else if (core.waiting() > 0) {
            wakeups.wake_at(core.now() + kWaitMax);
        } else if (const auto due = core.next_due()) {
            wakeups.wake_at(std::max(*due, woken + kWakeSpacing));
        }
    }
    // After a change by a caller other than process(), which sees to it at its end.
    void changed() {
        if (!processing) wake_in_time();
    }
    void tell(const embed::Transition& transition) {
        transition.online ? config.online(transition.id) : config.offline(transition.id);
    }
    void process(bool wait) {
        if (processing) return;  // a callback's call
        processing = true;
        const struct Finally {
            Impl& impl;
            ~Finally() {
                impl.processing = false;
                if (!impl.closed) impl.wake_in_time();
            }
        } finally{*this};
        wakeups.dispatch(wait);
        look_at_clock();
        woken = core.now();
        for (auto n = std::min(core.untold(), kToldAtOnce); n > 0; --n)
            if (const auto transition = core.pop()) tell(*transition);
    }
    bool leave(std::string_view id, const Leave& how) {
        look_at_clock();
        const bool left = core.leave(id, how);
        changed();
        return left;
    }
    // A question is answered for now.
    const embed::ManagerCore& up_to_date() {
        look_at_clock();
        changed();
        return core;
    }
    std::exception_ptr close() {
        std::exception_ptr first;
        if (std::exchange(closed, true)) return first;
        look_at_clock();
        core.leave_all();
        while (const auto transition = core.pop()) {
            try {
                tell(*transition);
            } catch (...) {
                if (!first) first = std::current_exception();
            }
        }
        return first;
    }
};

OnlineManager::OnlineManager(OnlineConfig& config)
    : impl_((draw_hash_secret(), std::make_unique<Impl>(config))) {
    for (const auto& id : config.online_before())
        impl_->core.tell_offline(id);
    try {
        config.setup(*this);
    } catch (...) {
        impl_->close();
        throw;
    }
    impl_->changed();
}

OnlineManager::~OnlineManager() {
    impl_->close();
}

void OnlineManager::run(OnlineConfig& config) {
    OnlineManager manager(config);
    while (!manager.stopped())
        manager.impl_->process(true);
    manager.close();
}

int OnlineManager::fd() const {
    return impl_->wakeups.fd();
}

void OnlineManager::process() {
    impl_->process(false);
}

Seen OnlineManager::seen(std::string_view id, const Beat& how) {
    if (impl_->closed) return Seen::closed;
    // The first that waits wakes process() in time for the others.
    const bool first = impl_->core.waiting() == 0;
    if (first) impl_->look_at_clock();
    const auto seen = impl_->core.seen(id, how);
    if (impl_->core.full()) impl_->look_at_clock();
    if (first) impl_->changed();
    return seen;
}

bool OnlineManager::leave(std::string_view id, const Leave& how) {
    return impl_->leave(id, how);
}

void OnlineManager::renew_all() {
    impl_->core.renew_all(impl_->passed());
    impl_->changed();
}

bool OnlineManager::is_online(std::string_view id) const {
    return impl_->up_to_date().is_online(id);
}

std::size_t OnlineManager::online_count() const {
    return impl_->up_to_date().online_count();
}

void OnlineManager::each_online(const std::function<void(std::string_view)>& fn) const {
    std::vector<std::string> ids;
    for (std::uint32_t share = 0; share < embed::ManagerCore::kShares; ++share) {
        impl_->up_to_date().online_ids(share, ids);
        for (const auto& id : ids)
            if (is_online(id)) fn(id);
    }
}

LeftOut OnlineManager::left_out() const {
    return impl_->up_to_date().left_out();
}

void OnlineManager::watch(int fd, std::function<void()> on_readable) {
    impl_->wakeups.watch(fd, std::move(on_readable));
}

void OnlineManager::unwatch(int fd) {
    impl_->wakeups.unwatch(fd);
}

void OnlineManager::stop() noexcept {
    impl_->wakeups.stop();
}

bool OnlineManager::stopped() const noexcept {
    return impl_->wakeups.stopped();
}

void OnlineManager::close() {
    if (const auto first = impl_->close()) std::rethrow_exception(first);
}

}  // namespace presence
