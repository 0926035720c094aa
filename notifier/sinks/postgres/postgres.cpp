#include "notifier/sinks/postgres/postgres.hpp"

#include <algorithm>
#include <utility>

#include "common/io/clock.hpp"
#include "common/io/log.hpp"
#include "common/limits.hpp"
#include "common/text.hpp"
#include "notifier/sinks/password.hpp"
#include "notifier/sinks/postgres/verdict.hpp"

namespace presence::notifier {

namespace {

constexpr const char* kTrue = "t";
// A user's id is never empty, so all stand behind this one. A page's cursor is the last id it has
// seen, behind a letter: "0" is the first and the last cursor.
constexpr std::string_view kCursor = "u";

std::int64_t now_ms() {
    return millis(io::wall_now());
}

std::string milliseconds(Duration duration) {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

PostgresSink::PostgresSink(const SinkConfig& config, const Interrupt& interrupt, SinkHost host)
    : config_(config),
      sql_(config.postgres),
      interrupt_(&interrupt),
      host_(std::move(host)),
      kept_(host_.kept) {}

// After a failure nobody knows what the connection has on its way; an event's fault is none of it.
template <class Body>
auto PostgresSink::guarded(Body&& body) {
    try {
        return body();
    } catch (const SinkFailure& failure) {
        if (failure.failure.fault != Fault::event) connection_.reset();
        renew_at_ = std::exchange(lost_, false) ? Instant{} : io::now() + kMarkRenewed;
        throw;
    }
}

void PostgresSink::ensure_open() {
    if (connection_ && connection_->closed()) connection_.reset();
    if (connection_) return;
    const auto& file = config_.password_file;
    PostgresConnection connection(config_.postgres.dsn, file.empty() ? "" : password_of(file),
                                  config_.timeout, *interrupt_);
    if (connection.version() < kVersionMin)
        throw SinkFailure(connection.origin() + " is older than PostgreSQL 12");
    bound_waits(connection);
    ensure_tables(connection);
    compare(connection);
    connection_.emplace(std::move(connection));
}

// The server gives up before we do, and says why; what it gave up does not go on behind our back.
void PostgresSink::bound_waits(PostgresConnection& connection) const {
    (void)connection.run("SET statement_timeout = " + milliseconds(config_.timeout * 9 / 10) +
                         "; SET lock_timeout = " + milliseconds(config_.timeout * 8 / 10));
}

void PostgresSink::ensure_tables(PostgresConnection& connection) {
    const bool creates = config_.postgres.create;
    const auto there = connection.run(PostgresSql::what_is_there(),
                                      {text_parameter(sql_.table), text_parameter(sql_.marks),
                                       text_parameter(sql_.view), text_parameter(sql_.history)});
    const auto missing = [&](std::size_t which) { return there.at(0).at(which) == kTrue; };
    std::string needed;
    const auto need = [&](const std::string& statements) {
        needed += (needed.empty() ? "" : " ") + statements;
    };
    if (missing(0)) need(sql_.create_table());
    if (missing(1)) need(sql_.create_marks());
    // Nothing of ours reads it: who dropped it does not want it.
    if (missing(2) && (missing(0) || missing(1))) need(sql_.create_view());
    if (missing(3)) need(sql_.create_history());
    if (!needed.empty() && !creates)
        throw SinkFailure(connection.origin() + " lacks tables, and create = false: run  " +
                          needed);
    try {
        if (!needed.empty()) (void)connection.run(needed);
    } catch (const PostgresError& error) {
        constexpr std::string_view kNoRight = "42501";
        if (error.sqlstate != kNoRight) throw;
        throw SinkFailure(error.failure.reason + "; or have somebody else run  " + needed);
    }
    days_.reset();
    if (!creates || sql_.history.empty() || (!missing(3) && there.at(0).at(4) != kTrue)) return;
    days_.emplace(config_.postgres.history_max);
    for (const auto& row : connection.run(partitions_there(), {text_parameter(sql_.history)}))
        days_->found(row.at(0), sql_.history_name);
    tend_history_at_ = {};
}

void PostgresSink::compare(PostgresConnection& connection) {
    const auto name = text_parameter(config_.name);
    const auto mark = connection
                          .run(sql_.open_mark(), {name, text_parameter(host_.cluster),
                                                  text_parameter(config_.notifier)})
                          .at(0);
    there_ = mark.at(0);
    const bool emptied = mark.at(1) == kTrue;
    if (emptied) {
        (void)connection.run(sql_.forget_mark(), {name});
        there_.clear();
    }
    auto there = parse_mark(there_);
    // The refill that is under way goes on.
    if (there && wanted_ > host_.view->get().refilled) there->whole = true;
    const auto why = emptied ? "its table was emptied" : why_refill(there, kept_);
    if (why.empty()) return;
    ++wanted_;
    host_.news->want_refill({wanted_, why, kept_.chunk > 0});
}

std::string PostgresSink::mark_now(std::uint64_t chunk) const {
    return text_of({kept_.sink, chunk, host_.view->get().refilled == wanted_});
}

void PostgresSink::write(const Events& events, const std::string& next) {
    const bool logs = !sql_.history.empty();
    auto rows = rows_of(events);
    if (logs)
        choose_logged(rows);
    else
        std::erase_if(rows, [](const auto& row) { return !row.newest; });
    const auto view = host_.view->get();
    const bool whole = view.refilled == wanted_;
    std::vector<PostgresParameter> parameters{
        text_parameter(config_.name), text_parameter(there_), text_parameter(next),
        timestamptz_parameter(postgres_micros(view.as_of_ms).value_or(0)),
        text_parameter(name_of(whole ? view.freshness : Freshness::warming))};
    for (auto& parameter : parameters_of(rows, logs))
        parameters.push_back(std::move(parameter));
    try {
        lost_ = connection_->run(sql_.write(), parameters).at(0).at(0) != "1";
    } catch (const PostgresError& error) {
        auto why = error.failure;
        why.fault = fault_of(error.sqlstate, error.constraint);
        throw SinkFailure(why);
    }
    if (lost_)
        throw SinkFailure(connection_->origin() +
                          " is no longer as it was left: it is looked at anew");
    there_ = next;
    renew_at_ = io::now() + kMarkRenewed;
}

// An event whose day has no partition is one that the history does not keep.
void PostgresSink::choose_logged(std::span<PostgresRow> rows) {
    const auto now = now_ms();
    std::size_t left_out = 0;
    for (auto& row : rows) {
        row.logged = !days_ || days_->takes(row.event->at_ms, now);
        if (!row.logged)
            ++left_out;
        else if (days_ && !days_->has(day_of(row.event->at_ms)))
            make_partition(day_of(row.event->at_ms));
    }
    if (left_out > 0 && tell_left_out_.take(io::now()))
        io::log::warn("history_left_out", {{"sink", config_.name},
                                           {"events", left_out},
                                           {"reason", "older than history_max, or far ahead"}});
}

void PostgresSink::make_partition(Day day) {
    (void)connection_->run(create_partition(sql_, day));
    days_->made(day);
}

// Beside the chunks: what fails here fails no chunk, and is tried again later. Dropped is only what
// the server's clock holds for outdated as well, so one clock that is wrong destroys nothing.
void PostgresSink::tend_history() {
    if (!days_ || io::now() < tend_history_at_) return;
    tend_history_at_ = io::now() + kHistoryTended;
    try {
        const auto today = day_of(now_ms());
        for (const auto day : {today, today + std::chrono::days{1}})
            if (!days_->has(day)) make_partition(day);
        const auto server =
            connection_->run("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint");
        const auto earlier = std::min<std::int64_t>(now_ms(), std::stoll(server.at(0).at(0)));
        for (const auto day : days_->outdated(earlier)) {
            (void)connection_->run("SET LOCAL lock_timeout = " + milliseconds(kHistoryLockMax) +
                                   "; " + drop_partition(sql_, day));
            days_->dropped(day);
            io::log::info(
                "history_dropped",
                {{"sink", config_.name}, {"partition", partition_name(sql_.history_name, day)}});
        }
    } catch (const PostgresError& error) {
        io::log::warn("history_not_tended",
                      {{"sink", config_.name}, {"reason", error.failure.reason}});
    }
}

Report PostgresSink::take(const std::vector<Event>& batch) {
    Report report;
    Events events;
    std::vector<std::size_t> never;
    for (std::size_t item = 0; item < batch.size(); ++item) {
        const auto why = why_never(batch[item]);
        if (why.empty()) {
            events.push_back(&batch[item]);
            continue;
        }
        never.push_back(item);
        report.failure =
            Failure{.fault = Fault::event, .reason = "Postgres cannot hold it: " + why};
    }
    try {
        guarded([&] {
            ensure_open();
            tend_history();
            // The mark moves with the whole chunk only: what is given up is told again without it.
            write(events, never.empty() ? mark_now(chunk_) : there_);
        });
    } catch (const SinkFailure& failure) {
        return {{}, failure.failure};
    }
    report.items.assign(batch.size(), Report::Item::done);
    for (const auto item : never)
        report.items[item] = Report::Item::never;
    if (!report.failure) kept_.chunk = chunk_;
    return report;
}

void PostgresSink::open() {
    connection_.reset();
    tend();
}

Sink::Watch PostgresSink::watch() const {
    return {connection_ ? connection_->fd() : -1, renew_at_};
}

void PostgresSink::tend() {
    guarded([&] {
        ensure_open();
        tend_history();
        if (io::now() >= renew_at_) write({}, mark_now(kept_.chunk));
    });
}

StatePlace::Page PostgresSink::online(const std::string& cursor) {
    return guarded([&] {
        ensure_open();
        const auto after = cursor == "0" ? std::string{} : cursor.substr(kCursor.size());
        const auto rows = connection_->run(sql_.page(kPageRows), {text_parameter(after)});
        Page page{{}, "0"};
        for (const auto& row : rows) {
            if (row.at(1) != kTrue) continue;
            if (check_text(row.at(0), kUserBytesMax) == TextFault::none)
                page.users.push_back(row.at(0));
            else
                (void)connection_->run(sql_.not_online(), {text_parameter(row.at(0))});
        }
        if (rows.size() == kPageRows) page.cursor = std::string(kCursor) + rows.back().at(0);
        return page;
    });
}

std::uint64_t PostgresSink::count() {
    return guarded([&] {
        ensure_open();
        return std::stoull(connection_->run(sql_.count()).at(0).at(0));
    });
}

void PostgresSink::want_refill(const std::string& why) {
    ++wanted_;
    host_.news->want_refill({wanted_, why, true});
}

}  // namespace presence::notifier
