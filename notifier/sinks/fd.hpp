#pragma once

#include "common/io/fd.hpp"

namespace presence::notifier {
using io::Fd;
}  // namespace presence::notifier
