#include "tests/simulation/tracker_process.hpp"

#include <algorithm>
#include <utility>

#include "common/check.hpp"
#include "common/limits.hpp"
#include "common/wire/batch.hpp"
#include "common/wire/tracker_list.hpp"
#include "tests/simulation/tolerances.hpp"

namespace presence::simulation {

namespace {
constexpr std::size_t kFramesPerTurn = 64;
constexpr std::size_t kFramesSlow = 3;
constexpr std::size_t kQuestionsPerTurn = 16;
constexpr std::size_t kQueueMax = 2'000;  // of each kind
constexpr Time kWriteUsual = kMillisecond;
constexpr Time kWriteSlow = 30 * kMillisecond;
}  // namespace

TrackerProcess::TrackerProcess(Environment& env, std::size_t index, Random random,
                               const Shape& shape, const SlotMap& map, Model& model,
                               std::vector<CollectorProcess*> collectors, Links links)
    : Process(env, Place::tracker, "t" + std::to_string(index), random),
      index_(index),
      shape_(shape),
      map_(&map),
      next_map_(&map),
      model_(model),
      collectors_(std::move(collectors)),
      links_(std::move(links)) {}

void TrackerProcess::adopt(const SlotMap& map) {
    env_.coverage.met(Fault::reload, Place::tracker);
    trace("gets list " + std::to_string(map.version));
    next_map_ = &map;
    if (up()) wake_soon();
}

void TrackerProcess::take_list() {
    if (map_ == next_map_ || next_map_->version <= map_->version) return;
    trace("goes by list " + std::to_string(next_map_->version));
    map_ = next_map_;
    tracker_->adopt(*map_, {}, local_now(), millis(clock().wall().at(local_now())));
    model_.owns(index_, slots_owned(*map_, name()));
}

void TrackerProcess::boot() {
    map_ = next_map_;
    tracker::TrackerOptions options;
    options.tracker = name();
    options.boot = boot_ = static_cast<std::uint64_t>(now()) + 1;
    // Runs and epochs rise as long as nobody sets the wall clock back between two of them.
    started_ms_ = std::max(millis(clock().wall().at(local_now())), started_ms_ + 1);
    options.started_unix_ms = started_ms_;
    options.timeout = Duration{shape_.timeout};
    options.collector_grace = Duration{shape_.grace};
    options.freeze_max = Duration{shape_.freeze_max};
    options.linger = Duration{shape_.linger};
    options.edge_timeout = Duration{shape_.edge_timeout};
    options.edge_grace = Duration{shape_.edge_grace};
    options.edge_lost_rate = shape_.edge_lost_rate;
    for (const auto* collector : collectors_)
        options.collectors_expected.push_back(collector->id());
    for (std::size_t t = 0; t < shape_.trackers; ++t) {
        options.trackers.emplace_back();
        options.trackers.back().id = "t" + std::to_string(t);
    }
    options.clock = clock().serial();
    options.journal = true;
    for (auto& id : tracker::Tracker::collectors_in(disk_.facts()))
        if (std::find(options.collectors_expected.begin(), options.collectors_expected.end(), id) ==
            options.collectors_expected.end())
            options.collectors_expected.push_back(std::move(id));
    tracker_.emplace(options, *map_, local_now());
    commit_gate_ = {};
    load();
    heard_.assign(shape_.collectors, now());
    began_.assign(shape_.collectors, {0, 0});
    silent_.assign(shape_.collectors, false);
    model_.tracker_started(index_, disk_.last() > 0);
    model_.owns(index_, slots_owned(*map_, name()));
}

void TrackerProcess::load() {
    const auto wall = clock().wall();
    for (const auto& [slot, state] : disk_.states())
        PRESENCE_CHECK(tracker_->restore_state(state.second, local_now(), wall) == 0u,
                       "a state cannot be read back");
    for (const auto& [number, row] : disk_.rows())
        PRESENCE_CHECK(tracker_->restore_batch(row.bytes, local_now(), wall) == 0u,
                       "a batch cannot be read back");
    tracker::Tracker::Past past;
    if (disk_.last() > 0)
        past = {disk_.rows().rbegin()->second.boot, disk_.last(), disk_.facts(), past.users};
    tracker_->begin(past, local_now(), wall);
}

void TrackerProcess::die() {
    tracker_.reset();
    frames_.clear();
    questions_.clear();
    turn_frames_.clear();
    turn_questions_.clear();
    peers_.clear();
    out_.clear();
    ready_.clear();
    walls_.clear();
    disk_.crash();
}

void TrackerProcess::on_frame(std::size_t collector, const Packet& packet) {
    if (!up() || frames_.size() >= kQueueMax) return;
    frames_.push_back({collector, packet});
    wake_soon();
}

void TrackerProcess::on_question(std::size_t notifier, const Packet& packet) {
    if (!up() || questions_.size() >= kQueueMax) return;
    questions_.push_back({notifier, packet});
    wake_soon();
}

void TrackerProcess::receive() {
    take_list();
    const auto take = [](auto& from, auto& to, std::size_t limit) {
        while (!from.empty() && to.size() < limit) {
            to.push_back(std::move(from.front()));
            from.pop_front();
        }
    };
    take(frames_, turn_frames_, slow() ? kFramesSlow : kFramesPerTurn);
    take(questions_, turn_questions_, kQuestionsPerTurn);
}

std::string TrackerProcess::peer(const char* kind, const Arrived& arrived) {
    auto id = kind + std::to_string(arrived.from) + "/" + std::to_string(arrived.packet.connection);
    peers_[id] = {arrived.from, arrived.packet.connection};
    return id;
}

void TrackerProcess::feed() {
    for (const auto& arrived : turn_frames_) {
        tracker_->on_frame(peer("c", arrived), *arrived.packet.bytes, local_now(), clock().wall());
        heard_[arrived.from] = now();
        if (std::exchange(began_[arrived.from].run, arrived.packet.connection) !=
            arrived.packet.connection)
            began_[arrived.from].at = now();
        if (silent_[arrived.from]) model_.evidence().heard_again(arrived.from, index_, now());
        silent_[arrived.from] = false;
    }
    for (const auto& arrived : turn_questions_)
        tracker_->on_query(peer("n", arrived), *arrived.packet.bytes);
    turn_frames_.clear();
    turn_questions_.clear();
}

// A collector that is silent for about the grace may be given up, with what it reads meanwhile.
void TrackerProcess::note_silence() {
    for (std::size_t c = 0; c < heard_.size(); ++c) {
        if (seems_ended(c)) {
            model_.evidence().unheard(c, index_, std::min(heard_[c], collectors_[c]->safe()),
                                      false);
            silent_[c] = true;
            continue;
        }
        // One that only this tracker hears stops reading before; one that others hear is waited
        // for.
        if (map_->trackers.size() == 1 && shape_.trackers == 1) continue;
        if (model_.only_cut_off(c, index_)) continue;
        // One that does not know of us is heard by others, or by nobody.
        const auto fed = collectors_[c]->feeds_since(index_);
        if (!fed) continue;
        heard_[c] = std::max(heard_[c], *fed);
        if (now() - heard_[c] < tolerances::silence_max(shape_)) continue;
        model_.evidence().unheard(c, index_, std::min(heard_[c], collectors_[c]->safe()),
                                  model_.halved());
        silent_[c] = true;
    }
}

// One that says nothing after another process began under its id.
bool TrackerProcess::seems_ended(std::size_t c) const {
    const auto twin = shape_.twin(c);
    if (!twin || began_[*twin].at < began_[c].at) return false;
    const Time began = began_[*twin].at;
    return heard_[c] < began + tolerances::kOverlap &&
           now() - std::max(heard_[c], began) >= tolerances::kOverlapLeast;
}

void TrackerProcess::decide() {
    note_silence();
    feed();
    note_silence();
    const auto before = disk_.settle(now());
    tracker_->on_writing({false, full(), disk_.waiting_bytes(), {}, 0, before});
    more_ = tracker_->end_turn(local_now(), clock().wall(), out_);
    for (const auto& publication : out_.publications)
        if (publication.batch > 0) walls_[publication.batch] = clock().wall_at_zero();
    const Time length = random_.between(0, 49) == 0 ? random_.between(0, kWriteSlow)
                                                    : random_.between(50, kWriteUsual);
    disk_.write(out_, boot_, now() + length + disk_delay());
    std::swap(ready_.answers, out_.answers);
    std::swap(ready_.acks, out_.acks);
    const auto written = disk_.settle(now());
    answer_replays();
    commit_gate_.hold(std::move(out_), ready_);
    out_.clear();
    commit_gate_.on_written(written, ready_);
    for (const auto& publication : ready_.publications)
        if (publication.batch > 0) hand_out(publication.bytes);
}

void TrackerProcess::answer_replays() {
    for (const auto& replay : out_.replays)
        ready_.answers.push_back(tracker_->answer_replay(
            replay, disk_.replay(replay.boot, replay.after), local_now(), clock().wall()));
}

void TrackerProcess::hand_out(const std::string& bytes) {
    PRESENCE_CHECK(bytes.size() <= kBatchBytesMax, "a batch is too large");
    const auto batch = decode_batch(bytes);
    PRESENCE_CHECK(batch.has_value() && batch->boot == boot_, "a batch cannot be read back");
    if (batch->number > disk_.last())
        model_.broken(name() + " hands out batch " + std::to_string(batch->number) +
                      ", and its journal ends with " + std::to_string(disk_.last()));
    const auto wall = walls_.extract(batch->number).mapped();
    for (const auto& slot : batch->slots) {
        for (const auto& event : slot.events) {
            const Time at = clock().truth(event.at_ms * 1000 - wall);
            if (env_.trace.follows(event.user))
                trace("hands out " + id_of(event) + " " + event.user + " " +
                      std::string(name_of(event.state)) + " (" + event.reason + "), at " +
                      std::to_string(at) + " us, batch " + std::to_string(batch->number));
            model_.handed_out(index_, event, at);
        }
    }
}

void TrackerProcess::send() {
    const auto to_peers = [&](const std::vector<tracker::ToPeer>& messages,
                              const SendPacket& link) {
        for (const auto& message : messages) {
            const auto to = peers_.find(message.peer);
            PRESENCE_CHECK(to != peers_.end(), "a message to a peer that never was");
            link(to->second.index, packet_of(message.bytes, to->second.connection));
        }
    };
    for (const auto& publication : ready_.publications) {
        const auto kind =
            publication.topic == kTopicBatch ? Packet::Kind::batch : Packet::Kind::tick;
        const auto packet = packet_of(publication.bytes, boot_, kind);
        for (std::size_t n = 0; n < shape_.notifiers; ++n)
            links_.publish(n, packet);
    }
    to_peers(ready_.acks, links_.to_collector);
    to_peers(ready_.snapshots, links_.answer);
    to_peers(ready_.answers, links_.answer);
    ready_.clear();
}

Time TrackerProcess::next_wakeup() {
    if (more_ || !frames_.empty() || !questions_.empty()) return now() + 10;
    return std::min(when(tracker_->next_wakeup(local_now())), std::max(disk_.next(), now() + 10));
}

}  // namespace presence::simulation
