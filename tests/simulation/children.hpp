#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace presence::simulation {

// Calls `task` for 0, 1 ... `count` - 1, each in a forked process of its own, `jobs` of them at
// once, and `done` for each in that order with what `task` returned; with nothing if the process
// died. Once `done` returns false no more are begun. Requires: no other thread.
void in_children(std::size_t count, unsigned jobs,
                 const std::function<std::string(std::size_t)>& task,
                 const std::function<bool(std::size_t, std::optional<std::string>)>& done);

}  // namespace presence::simulation
