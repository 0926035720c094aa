// A manager in a loop of libuv.
#include <unistd.h>
#include <uv.h>

#include <exception>
#include <iostream>
#include <online_manager.hpp>
#include <string>

#include "lines.hpp"

using namespace std::chrono_literals;
using presence::OnlineManager;

namespace {

class Config : public presence::OnlineConfig {
public:
    std::chrono::milliseconds timeout() const override { return 1s; }
    void online(const std::string& id) override {
        if (id == "mallory") throw std::runtime_error("mallory came");
        std::cout << id << " online" << std::endl;
    }
    void offline(const std::string& id) override { std::cout << id << " offline" << std::endl; }
};

struct Program {
    Config config;
    OnlineManager manager = OnlineManager::setup(config);
    uv_loop_t* loop = uv_default_loop();
    uv_poll_t transitions{}, heartbeats{};
    Lines lines;
    std::exception_ptr failed;
};

// No exception may pass through libuv, which is C: it is kept until the loop has ended.
template <class Fn>
void call(uv_poll_t* handle, Fn&& fn) {
    auto& program = *static_cast<Program*>(handle->data);
    try {
        fn(program);
    } catch (...) {
        program.failed = std::current_exception();
        uv_stop(program.loop);
    }
}

void on_transitions(uv_poll_t* handle, int, int) {
    call(handle, [](Program& program) { program.manager.process(); });
}

void on_heartbeats(uv_poll_t* handle, int, int) {
    call(handle, [](Program& program) {
        const bool more = program.lines.read(
            STDIN_FILENO, [&](const std::string& id) { program.manager.seen(id); });
        if (!more) uv_stop(program.loop);
    });
}

void poll(Program& program, uv_poll_t& handle, int fd, uv_poll_cb callback) {
    handle.data = &program;
    uv_poll_init(program.loop, &handle, fd);
    uv_poll_start(&handle, UV_READABLE | UV_DISCONNECT, callback);
}

}  // namespace

int main() {
    try {
        Program program;
        poll(program, program.transitions, program.manager.fd(), on_transitions);
        poll(program, program.heartbeats, STDIN_FILENO, on_heartbeats);
        uv_run(program.loop, UV_RUN_DEFAULT);
        if (program.failed) std::rethrow_exception(program.failed);
    } catch (const std::exception& e) {
        std::cerr << e.what() << std::endl;
        return 1;
    }
}
