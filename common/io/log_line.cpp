#include "common/io/log_line.hpp"

#include <ctime>

#include "common/text.hpp"

namespace presence::io::log {
namespace {

std::string iso_time(WallTime at) {
    const auto ms = millis(at);
    const std::time_t seconds = ms / 1000;
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                       utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, ms % 1000);
}

// As a JSON string; logfmt readers take the same quoting.
void append_quoted(std::string& line, std::string_view text) {
    const bool utf8 = check_text(text, text.size()) != TextFault::not_utf8;
    line += '"';
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            line += '\\';
            line += c;
        } else if (c == '\n') {
            line += "\\n";
        } else if (c == '\t') {
            line += "\\t";
        } else if (byte < 0x20 || byte == 0x7f) {
            line += fmt::format("\\u{:04x}", byte);
        } else if (byte >= 0x80 && !utf8) {
            line += "\\ufffd";
        } else {
            line += c;
        }
    }
    line += '"';
}

bool bare(std::string_view text) {
    for (const char c : text)
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') return false;
    return !text.empty();
}

void append_logfmt(std::string& line, std::string_view key, std::string_view value) {
    if (!line.empty()) line += ' ';
    line += key;
    line += '=';
    if (bare(value))
        line += value;
    else
        append_quoted(line, value);
}

void append_json(std::string& line, std::string_view key, std::string_view value, bool quoted) {
    line += line.empty() ? '{' : ',';
    append_quoted(line, key);
    line += ':';
    // NaN and infinity are no JSON.
    const bool number = !quoted && value.find_first_of("ni") == std::string_view::npos;
    if (number || value == "true" || value == "false")
        line += value;
    else
        append_quoted(line, value);
}

}  // namespace

std::string logfmt_line(WallTime at, std::string_view level, std::string_view process,
                        std::string_view event, const Fields& fields) {
    std::string line;
    append_logfmt(line, "time", iso_time(at));
    append_logfmt(line, "level", level);
    append_logfmt(line, "process", process);
    append_logfmt(line, "event", event);
    for (const auto& f : fields)
        append_logfmt(line, f.key, f.value);
    return line;
}

std::string json_line(WallTime at, std::string_view level, std::string_view process,
                      std::string_view event, const Fields& fields) {
    std::string line;
    append_json(line, "time", iso_time(at), true);
    append_json(line, "level", level, true);
    append_json(line, "process", process, true);
    append_json(line, "event", event, true);
    for (const auto& f : fields)
        append_json(line, f.key, f.value, f.quoted);
    line += '}';
    return line;
}

}  // namespace presence::io::log
