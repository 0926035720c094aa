#include "notifier/sinks/exec/answers.hpp"

#include <nlohmann/json.hpp>

namespace presence::notifier {
namespace {

Answers::Line read(std::string_view text) {
    const auto answer = nlohmann::json::parse(text, nullptr, false);
    if (!answer.is_object()) return {{}, Answers::kNoAnswer};
    const auto id = answer.find("id");
    if (id == answer.end() || !id->is_string() || id->get_ref<const std::string&>().empty())
        return {{}, Answers::kNoAnswer};
    return {id->get<std::string>(), ""};
}

}  // namespace

std::vector<Answers::Line> Answers::take(std::string_view bytes) {
    std::vector<Line> lines;
    while (!bytes.empty()) {
        const auto end = bytes.find('\n');
        const auto part = bytes.substr(0, end);
        bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
        too_long_ = too_long_ || partial_.size() + part.size() > kLineBytesMax;
        if (!too_long_) partial_ += part;
        if (end == std::string_view::npos) break;
        if (too_long_)
            lines.push_back({{}, kTooLong});
        else if (partial_.find_first_not_of(" \t\r") != std::string::npos)
            lines.push_back(read(partial_));
        reset();
    }
    return lines;
}

}  // namespace presence::notifier
