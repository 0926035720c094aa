#include "collector/loop.hpp"

int main(int argc, char** argv) {
    return presence::io::run_program(argc, argv, presence::ProcessKind::collector,
                                     presence::collector::run);
}
