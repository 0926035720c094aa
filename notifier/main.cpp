#include "common/io/program.hpp"
#include "notifier/loop.hpp"

int main(int argc, char** argv) {
    return presence::io::run_program(argc, argv, presence::ProcessKind::notifier,
                                     presence::notifier::run);
}
