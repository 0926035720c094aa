#pragma once

#include <cstddef>
#include <string_view>

namespace presence {

enum class TextFault { none, empty, too_long, control, not_utf8 };

// Whether `text` may be an id or a name: 1..bytes_max bytes of UTF-8 (RFC 3629: no surrogates, no
// overlong forms) without control characters (U+0000..1F, U+007F..9F). Nothing is normalised.
[[nodiscard]] TextFault check_text(std::string_view text, std::size_t bytes_max);

}  // namespace presence
