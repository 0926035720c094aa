#include "notifier/deliver/sink_store.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <utility>

#include "common/exit_codes.hpp"
#include "common/io/clock.hpp"
#include "common/io/log.hpp"

namespace presence::notifier {

namespace {

io::Store::Options without_rows(io::Store::Options options) {
    options.retain_bytes = 0;  // they serve only until their shards are written
    return options;
}

}  // namespace

SinkStore::SinkStore(io::Store::Options store, Delivery& delivery) : store_(without_rows(store)) {
    if (const auto& cut = store_.opened().cut)
        io::log::warn("store_damaged", {{"store", store.directory.string()}, {"found", *cut}});
    begins_ = store_.last() == 0;
    restore(delivery);
}

void SinkStore::restore(Delivery& delivery) {
    const auto refuse = [](bool good, const char* what) {
        if (!good)
            throw io::StoreError(std::string("the ") + what +
                                 " that the notifier kept cannot be read: of a newer version?");
    };
    auto from = std::numeric_limits<std::uint64_t>::max();
    store_.each_state([&](std::uint32_t shard, std::uint64_t row, std::string_view bytes) {
        refuse(delivery.restore_shard(shard, row, bytes), "ledger");
        from = std::min(from, row);
    });
    // The last row is told again, should it not have been taken.
    if (store_.last() > 0) from = std::min(from, store_.last() - 1);
    store_.each_row(from, [&](std::uint64_t row, std::uint64_t, std::string_view bytes) {
        refuse(delivery.restore_row(row, bytes), "changes");
        return true;
    });
    if (const auto facts = store_.facts(); !facts.empty())
        refuse(delivery.restore_facts(facts), "cursor");
}

// A store that is malformed cannot be mended while it is open, and the end of a process at any
// moment does no harm: its supervisor starts it again, and the store is moved aside.
void SinkStore::write(const io::Store::Write& what) {
    try {
        store_.write(what, io::running_ms());
    } catch (const io::StoreMalformed& error) {
        io::log::error("fatal", {{"message", error.what()}, {"exit_code", kExitStorage}});
        std::_Exit(kExitStorage);
    }
}

void SinkStore::before(const Delivery::Keep& keep) {
    if (store_.last() >= keep.row) return;  // in an earlier try
    io::Store::Write write;
    write.rows.push_back({keep.row, 1, keep.changes});
    for (const auto& [shard, body] : keep.shards)
        write.states.push_back({shard, keep.row, body});
    write.facts = keep.facts;
    this->write(write);
}

void SinkStore::after(const std::string& facts) {
    io::Store::Write write;
    write.facts = facts;
    this->write(write);
}

}  // namespace presence::notifier
