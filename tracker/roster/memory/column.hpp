#pragma once

#include <cstddef>
#include <new>

#include "common/check.hpp"
#include "tracker/roster/memory/huge_room.hpp"

namespace presence::tracker {

// An array that grows in place: elements never move.
template <class T>
class Column {
public:
    explicit Column(std::size_t capacity)
        : capacity_(capacity),
          room_(capacity * sizeof(T)),
          elements_(static_cast<T*>(room_.begin())) {}
    ~Column() { clear(); }
    Column(const Column&) = delete;
    Column& operator=(const Column&) = delete;

    // Requires: size() < the capacity.
    T& add() {
        PRESENCE_CHECK(size_ < capacity_, "a column is full");
        return *new (elements_ + size_++) T();
    }
    // Their memory is kept for those to come.
    void clear() {
        while (size_ > 0)
            elements_[--size_].~T();
    }
    [[nodiscard]] T& operator[](std::size_t i) { return elements_[i]; }
    [[nodiscard]] const T& operator[](std::size_t i) const { return elements_[i]; }
    [[nodiscard]] std::size_t size() const { return size_; }

private:
    std::size_t capacity_;
    HugeRoom room_;
    T* elements_;
    std::size_t size_ = 0;
};

}  // namespace presence::tracker
