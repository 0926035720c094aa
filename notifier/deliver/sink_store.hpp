#pragma once

#include <filesystem>
#include <string>

#include "common/store/store.hpp"
#include "notifier/deliver/delivery.hpp"

namespace presence::notifier {

// What a delivery keeps, on disk: a store of its own. Used by the sink's thread alone, once made.
class SinkStore {
public:
    // Opens the store, makes it if missing, and gives the delivery what it kept. How long rows stay
    // is its own affair. Throws StoreError.
    SinkStore(io::Store::Options store, Delivery& delivery);

    // Nothing was kept here before.
    [[nodiscard]] bool begins() const { return begins_; }

    // Before a chunk is told, and after it was taken. Throw StoreError. End the process with code
    // 74 if the store is malformed.
    void before(const Delivery::Keep& keep);
    void after(const std::string& facts);

private:
    void restore(Delivery& delivery);
    void write(const io::Store::Write& what);

    io::Store store_;
    bool begins_ = false;
};

}  // namespace presence::notifier
