#include "tracker/disk/journal.hpp"

#include <deque>
#include <utility>

#include "common/check.hpp"
#include "common/io/clock.hpp"
#include "common/io/fault_point.hpp"
#include "tracker/disk/fair_queue.hpp"

namespace presence::tracker {
namespace {

constexpr auto kReplayAfter = 20ms;
// Read ahead of the loop, which sends them: each may have a MiB.
constexpr std::size_t kRepliesMax = 2;
// For the thread to give up at its deadline and close the store.
constexpr auto kClosing = 2s;

std::size_t bytes_of(const io::Store::Write& write) {
    std::size_t bytes = write.facts ? write.facts->size() : 0;
    for (const auto& row : write.rows)
        bytes += row.body.size();
    for (const auto& state : write.states)
        if (state.body) bytes += state.body->size();
    return bytes;
}

void add(io::Store::Write& to, io::Store::Write&& from) {
    std::move(from.rows.begin(), from.rows.end(), std::back_inserter(to.rows));
    std::move(from.states.begin(), from.states.end(), std::back_inserter(to.states));
    if (from.facts) to.facts = std::move(from.facts);
}

}  // namespace

// The store is the thread's.
struct Journal::Shared : io::Mailbox {
    Shared(std::unique_ptr<io::Store> its_store, Options its_options)
        : store(std::move(its_store)),
          options(its_options),
          asks(options.askers_max, options.asker_replays_max) {
        appended_up_to = news.written_up_to = store->last();
    }

    std::unique_ptr<io::Store> store;
    const Options options;

    struct Waiting {
        io::Store::Write write;
        std::size_t bytes = 0;
    };
    struct WaitingAsk {
        Ask ask;
        Instant since;
    };
    std::deque<Waiting> writes;
    FairQueue<WaitingAsk> asks;
    std::size_t waiting_bytes = 0;
    std::uint64_t appended_up_to = 0;  // the last row's number; 0: there is none
    News news;

    void run();
    // The lock is held outside of it.
    void wait(std::unique_lock<std::mutex>& lock, Instant until) {
        lock.unlock();
        to_thread.wait(until);
        lock.lock();
    }
    [[nodiscard]] io::Store::Write take(std::size_t& bytes);
    // False: it was not written before the deadline, or never can be. The lock is held outside of
    // the disk's work.
    [[nodiscard]] bool write(std::unique_lock<std::mutex>& lock);
    [[nodiscard]] bool may_answer() const {
        return !asks.empty() && news.replies.size() < kRepliesMax;
    }
    void answer(std::unique_lock<std::mutex>& lock);
    [[nodiscard]] Reply read(Ask ask) const;
};

void Journal::Shared::run() {
    std::unique_lock lock(mutex);
    for (;;) {
        while (!stopping && writes.empty() && !may_answer())
            wait(lock, Instant::max());
        if (may_answer() && !stopping &&
            (writes.empty() || io::now() - asks.front().since > kReplayAfter))
            answer(lock);
        if (!writes.empty() && !write(lock)) break;
        if (stopping && writes.empty()) break;
    }
    lock.unlock();
    store.reset();  // by the end the directory is free
}

io::Store::Write Journal::Shared::take(std::size_t& bytes) {
    io::Store::Write all;
    bytes = 0;
    while (!writes.empty() &&
           (bytes == 0 || bytes + writes.front().bytes <= options.transaction_bytes)) {
        bytes += writes.front().bytes;
        add(all, std::move(writes.front().write));
        writes.pop_front();
    }
    return all;
}

bool Journal::Shared::write(std::unique_lock<std::mutex>& lock) {
    std::size_t bytes = 0;
    const auto all = take(bytes);
    for (;;) {
        std::optional<std::string> failure;
        bool malformed = false;
        lock.unlock();
        io::fault_point("journal.before_write");
        try {
            store->write(all, io::running_ms());
            io::fault_point("journal.after_write");
        } catch (const io::StoreMalformed& error) {
            failure = error.what();
            malformed = true;
        } catch (const io::StoreError& error) {
            failure = error.what();
        }
        lock.lock();
        const bool told = failure.has_value() == news.failure.has_value();
        news.failure = failure;
        news.malformed = malformed;
        if (!failure) {
            waiting_bytes -= bytes;
            if (!all.rows.empty()) news.written_up_to = all.rows.back().number;
            to_owner.ring();
            return true;
        }
        if (!told || malformed) to_owner.ring();
        if (malformed) return false;
        const auto next = io::now() + options.retry;
        while (io::now() < std::min(next, deadline)) {
            if (may_answer()) answer(lock);
            wait(lock, std::min(next, deadline));
        }
        if (io::now() >= deadline) return false;
    }
}

void Journal::Shared::answer(std::unique_lock<std::mutex>& lock) {
    auto ask = asks.pop().ask;
    lock.unlock();
    auto reply = read(std::move(ask));
    lock.lock();
    news.replies.push_back(std::move(reply));
    to_owner.ring();
}

Journal::Reply Journal::Shared::read(Ask ask) const {
    Reply reply;
    reply.ask = std::move(ask);
    reply.batch = store->last();
    const auto after = reply.ask.after;
    try {
        if (after > store->last()) {
            reply.found = Found::diverged;
        } else if (store->first() == 0 || after < store->first()) {
            // Row `after` itself must be there to tell of which run it is.
            reply.found = Found::too_old;
        } else if (store->boot_of(after) != reply.ask.boot) {
            reply.found = Found::diverged;
        } else {
            std::size_t bytes = 0;
            store->each_row(after, [&](std::uint64_t, std::uint64_t, std::string_view body) {
                if (bytes != 0 && bytes + body.size() > options.page_bytes) return false;
                bytes += body.size();
                reply.rows.emplace_back(body);
                return bytes < options.page_bytes;
            });
        }
    } catch (const io::StoreError& error) {
        reply.damage = error.what();
        if (reply.rows.empty()) reply.found = Found::too_old;
    }
    return reply;
}

Journal::Journal(std::unique_ptr<io::Store> store) : Journal(std::move(store), Options{}) {}

Journal::Journal(std::unique_ptr<io::Store> store, Options options)
    : shared_(std::make_shared<Shared>(std::move(store), options)),
      thread_(shared_, [shared = shared_.get()] { shared->run(); }) {}

Journal::~Journal() {
    if (!shared_->stopping) (void)stop(1s);
}

void Journal::append(io::Store::Write write) {
    const auto bytes = bytes_of(write);
    const std::lock_guard lock(shared_->mutex);
    PRESENCE_CHECK(!shared_->stopping, "nothing is appended after the stop");
    for (const auto& row : write.rows) {
        auto& up_to = shared_->appended_up_to;
        PRESENCE_CHECK(up_to == 0 || row.number == up_to + 1, "rows are numbered without gaps");
        up_to = row.number;
    }
    shared_->waiting_bytes += bytes;
    shared_->writes.push_back({std::move(write), bytes});
    shared_->to_thread.ring();
}

std::size_t Journal::waiting_bytes() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->waiting_bytes;
}

bool Journal::replay(Ask ask) {
    const std::lock_guard lock(shared_->mutex);
    const auto peer = ask.peer;
    if (!shared_->asks.push(peer, {std::move(ask), io::now()})) return false;
    shared_->to_thread.ring();
    return true;
}

int Journal::fd() const {
    return shared_->to_owner.fd();
}

Journal::News Journal::news() {
    shared_->to_owner.quiet();
    const std::lock_guard lock(shared_->mutex);
    News told;
    told.replies.swap(shared_->news.replies);
    told.written_up_to = shared_->news.written_up_to;
    told.failure = shared_->news.failure;
    told.malformed = shared_->news.malformed;
    if (!told.replies.empty()) shared_->to_thread.ring();
    return told;
}

bool Journal::stop(Duration within) {
    const auto deadline = io::now() + within;
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->stop(deadline);
    }
    return thread_.ended_by(deadline + kClosing) && waiting_bytes() == 0;
}

}  // namespace presence::tracker
