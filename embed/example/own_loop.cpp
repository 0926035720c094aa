// Two managers in a poll loop of one's own: who is there, and who is still remembered.
#include <poll.h>
#include <unistd.h>

#include <array>
#include <iostream>
#include <online_manager.hpp>
#include <string>

#include "lines.hpp"

using namespace std::chrono_literals;
using presence::OnlineManager;

namespace {

class Config : public presence::OnlineConfig {
public:
    Config(std::string what, std::chrono::milliseconds timeout) : what_(what), timeout_(timeout) {}

    std::chrono::milliseconds timeout() const override { return timeout_; }
    void online(const std::string& id) override { std::cout << id << " is " << what_ << std::endl; }
    void offline(const std::string& id) override {
        std::cout << id << " is no longer " << what_ << std::endl;
    }

private:
    std::string what_;
    std::chrono::milliseconds timeout_;
};

}  // namespace

int main() {
    Config there("there", 1s), remembered("remembered", 2s);
    auto first = OnlineManager::setup(there);
    auto second = OnlineManager::setup(remembered);
    Lines lines;
    while (true) {
        std::array<pollfd, 3> files{
            {{STDIN_FILENO, POLLIN, 0}, {first.fd(), POLLIN, 0}, {second.fd(), POLLIN, 0}}};
        ::poll(files.data(), files.size(), -1);
        if (files[0].revents) {
            const bool more = lines.read(STDIN_FILENO, [&](const std::string& id) {
                first.seen(id);
                second.seen(id);
            });
            if (!more) break;
        }
        if (files[1].revents) first.process();
        if (files[2].revents) second.process();
    }
}
