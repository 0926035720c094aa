#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace presence::notifier {

// The lines that a program is given and acknowledges one by one, in any order. When it ends, all
// from the first one that it has not acknowledged are given to the next: those after it too, or a
// user's older line would come after a newer one.
//
// Pure.
class Handover {
public:
    struct Line {
        std::string id;
        std::string text;  // with its newline
    };
    explicit Handover(std::vector<Line> lines);

    // Hands out the same lines.
    [[nodiscard]] bool is_of(const std::vector<Line>& lines) const;
    [[nodiscard]] bool done() const { return first_ == lines_.size(); }

    // What is to be written next; `alone`: no line before the one ahead of it is acknowledged.
    // Valid until the next call of another function.
    [[nodiscard]] std::string_view to_write(bool alone) const;
    void wrote(std::size_t bytes);

    enum class Answer { taken, again, unknown };
    // Of a line that is under way; of one that was acknowledged before (of these lines); of none.
    Answer on_answer(std::string_view id);

    // The first line that was given and is not acknowledged, or null.
    [[nodiscard]] const Line* oldest() const;
    // It is no longer to be given.
    void give_up_oldest();
    // The program has ended: nothing is under way any more.
    void begin_again();

    [[nodiscard]] std::size_t bytes_left() const;

private:
    void advance();

    std::vector<Line> lines_;
    std::vector<bool> acknowledged_;
    std::unordered_map<std::string_view, std::size_t> index_;  // by id
    std::size_t first_ = 0;                                    // not acknowledged
    std::size_t next_ = 0;                                     // to be written
    std::size_t offset_ = 0;                                   // of it, written
};

}  // namespace presence::notifier
