// The example of the Ruby library: heartbeats come in, boosters go online and offline.
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <online_manager.hpp>
#include <string>

#include "lines.hpp"

using namespace std::chrono_literals;
using presence::OnlineManager;

namespace {

OnlineManager* running = nullptr;

class Config : public presence::OnlineConfig {
public:
    std::chrono::milliseconds timeout() const override { return 1s; }

    void setup(OnlineManager& manager) override {
        running = &manager;
        std::signal(SIGTERM, [](int) { running->stop(); });
        manager.watch(STDIN_FILENO, [this, &manager] {
            const bool more = lines_.read(
                STDIN_FILENO, [&](const std::string& user_id) { manager.seen(user_id); });
            if (!more) manager.stop();
        });
    }

    void online(const std::string& user_id) override {
        std::cout << "Booster " << user_id << " online" << std::endl;
    }

    void offline(const std::string& user_id) override {
        std::cout << "Booster " << user_id << " offline" << std::endl;
    }

private:
    Lines lines_;
};

}  // namespace

int main() {
    OnlineManager::run(Config());
}
