#include "tracker/persistence.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "common/io/clock.hpp"
#include "common/io/log.hpp"

namespace presence::tracker {

namespace {

namespace log = io::log;

std::unique_ptr<io::Store> open_store(const io::Program& program, const TrackerConfig& own) {
    const auto& presence = program.config.presence;
    if (presence.durability == Durability::off) {
        // Resumed later, it would tell what was true before this run.
        if (const auto aside = io::Store::set_aside(own.data))
            log::warn("journal_set_aside", {{"data", own.data}, {"as", *aside}});
        return nullptr;
    }
    io::Store::Options options;
    options.directory = own.data;
    options.owner = "tracker " + own.id + " of " + presence.cluster;
    options.durability = presence.durability == Durability::power ? io::Store::Durability::power
                                                                  : io::Store::Durability::process;
    options.retain_bytes = presence.journal_bytes_max;
    options.retain_age = presence.journal_age_max;
    auto store = std::make_unique<io::Store>(options);
    if (const auto& cut = store->opened().cut) log::error("journal_damaged", {{"what", *cut}});
    return store;
}

io::Store::Write write_of(const Output& turn, std::uint64_t boot) {
    io::Store::Write write;
    for (const auto& publication : turn.publications)
        if (publication.batch != 0)
            write.rows.push_back({publication.batch, boot, publication.bytes});
    for (const auto& state : turn.states)
        write.states.push_back({state.slot, state.batch, state.bytes});
    write.facts = turn.facts;
    return write;
}

}  // namespace

Persistence::Persistence(const io::Program& program, const TrackerConfig& own)
    : resume_(program.config.presence.on_start == OnStart::resume),
      data_(own.data),
      store_(open_store(program, own)) {}

std::vector<std::string> Persistence::collectors() const {
    return store_ ? Tracker::collectors_in(store_->facts()) : std::vector<std::string>{};
}

void Persistence::begin(Tracker& tracker) {
    const auto now = io::now();
    const auto wall = io::wall_offset();
    boot_ = tracker.boot();
    Tracker::Past past;
    if (store_) {
        std::uint64_t left_out = 0;
        // Its sum is right: what this is was written so. To leave it out would forget users whom
        // followers go on to take for online.
        const auto count = [&](std::optional<std::size_t> restored, const std::string& what) {
            if (!restored)
                throw io::StoreError(what + " in " + data_ +
                                     " cannot be read: of a newer version? Start that one, or this "
                                     "one with an empty directory");
            left_out += *restored;
        };
        auto needed_after = store_->last();
        store_->each_state([&](std::uint32_t slot, std::uint64_t number, std::string_view body) {
            needed_after = std::min(needed_after, number);
            count(tracker.restore_state(body, now, wall), "state " + std::to_string(slot));
        });
        store_->each_row(needed_after, [&](std::uint64_t n, std::uint64_t, std::string_view body) {
            count(tracker.restore_batch(body, now, wall), "row " + std::to_string(n));
            return true;
        });
        past.boot = store_->opened().last_boot;
        past.batch = store_->last();
        // Of a journal that lost its end they tell more than what is left.
        if (past.boot != 0) past.facts = store_->facts();
        past.users = resume_ ? Tracker::Past::Users::go_on : Tracker::Past::Users::end;
        log::info("journal_read", {{"batches", store_->last()},
                                   {"online", tracker.counters()["online"]},
                                   {"left_out", left_out},
                                   {"took_ms", (io::now() - now).count() / 1000}});
        journal_ = std::make_unique<Journal>(std::move(store_));
    }
    tracker.begin(past, io::now(), wall);
}

void Persistence::take(Output& turn, Output& ready) {
    std::move(turn.answers.begin(), turn.answers.end(), std::back_inserter(ready.answers));
    std::move(turn.acks.begin(), turn.acks.end(), std::back_inserter(ready.acks));
    turn.acks.clear();
    if (journal_) {
        auto write = write_of(turn, boot_);
        if (!write.rows.empty() || !write.states.empty() || write.facts)
            journal_->append(std::move(write));
        for (auto& replay : turn.replays)
            if (!journal_->replay({replay.peer, replay.rid, replay.boot, replay.after}))
                refused_.push_back(std::move(replay));
    } else {
        commit_gate_.on_written(std::numeric_limits<std::uint64_t>::max(), ready);
    }
    commit_gate_.hold(std::exchange(turn, {}), ready);
}

void Persistence::turn(Tracker& tracker, Output& ready) {
    if (!journal_) return;
    auto news = journal_->news();
    if (news.malformed) throw io::StoreError(*news.failure);
    commit_gate_.on_written(news.written_up_to, ready);
    tell_failure(news.failure);
    tracker.on_writing({failure_.has_value(), full(), waiting_bytes(), failure_.value_or(""),
                        replays_refused_, news.written_up_to});
    for (const auto& replay : refused_)
        ready.answers.push_back(tracker.answer_replay(
            replay, QueryError{"busy", "too many replays of yours wait", {}, {}}, io::now(),
            io::wall_offset()));
    replays_refused_ += refused_.size();
    refused_.clear();
    for (auto& reply : news.replies) {
        if (!reply.damage.empty()) log::error("journal_damaged", {{"what", reply.damage}});
        const Replay replay{reply.ask.peer, reply.ask.rid, reply.ask.boot, reply.ask.after};
        ready.answers.push_back(
            tracker.answer_replay(replay, found_in(reply), io::now(), io::wall_offset()));
    }
}

std::variant<ReplayAnswer, QueryError> Persistence::found_in(Journal::Reply& reply) {
    switch (reply.found) {
        case Journal::Found::rows:
            return ReplayAnswer{0, reply.batch, std::move(reply.rows)};
        case Journal::Found::diverged:
            return QueryError{
                "diverged", "that run never wrote this batch: compare snapshots", {}, {}};
        case Journal::Found::too_old:
            break;
    }
    return QueryError{
        "too_old", "the journal does not reach back so far: compare snapshots", {}, {}};
}

std::size_t Persistence::waiting_bytes() const {
    return journal_ ? std::max(journal_->waiting_bytes(), commit_gate_.bytes()) : 0;
}

void Persistence::tell_failure(const std::optional<std::string>& failure) {
    const auto now = io::now();
    if (failure && !failure_) failing_since_ = now;
    const auto lasted_ms = (now - failing_since_).count() / 1000;
    if (failure && (failure != failure_ || tell_failure_.due(now))) {
        log::error(
            "journal_failing",
            {{"reason", *failure}, {"waiting_bytes", waiting_bytes()}, {"for_ms", lasted_ms}});
        tell_failure_.spend(now);
    }
    if (!failure && failure_) log::warn("journal_recovered", {{"after_ms", lasted_ms}});
    failure_ = failure;
}

void Persistence::stop(Duration within, Output& ready) {
    if (!journal_) return;
    if (!journal_->stop(within))
        log::error("journal_not_written", {{"waiting_bytes", waiting_bytes()}});
    commit_gate_.on_written(journal_->news().written_up_to, ready);
}

}  // namespace presence::tracker
