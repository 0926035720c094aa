#include "common/config/suggest.hpp"

#include <algorithm>

namespace presence {
namespace {

// Optimal string alignment distance, three rows of the usual table.
std::size_t edits(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before_last = last;
        last = row;
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const bool same = a[i - 1] == b[j - 1];
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before_last[j - 2] + 1);
        }
    }
    return row[b.size()];
}

}  // namespace

std::string nearest(std::string_view typed, const std::vector<std::string_view>& known) {
    constexpr std::size_t kTypedMax = 100;
    if (typed.size() > kTypedMax) return {};
    std::size_t best = std::max<std::size_t>(2, typed.size() / 3) + 1;
    std::string_view found;
    for (const auto name : known) {
        const std::size_t n = edits(typed, name);
        if (n >= best || n >= name.size()) continue;
        best = n;
        found = name;
    }
    return std::string(found);
}

std::string did_you_mean(std::string_view typed, const std::vector<std::string_view>& known) {
    const std::string name = nearest(typed, known);
    return name.empty() ? name : "; did you mean `" + name + "`?";
}

std::string did_you_mean_or_which(std::string_view typed,
                                  const std::vector<std::string_view>& known) {
    std::string text = did_you_mean(typed, known);
    if (!text.empty()) return text;
    for (const auto name : known)
        text.append(text.empty() ? "; there are `" : "`, `").append(name);
    return text + "`";
}

}  // namespace presence
