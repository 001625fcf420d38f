// The program `pgbosun-archiver`; see app/archiver_program.hpp.

#include <string>
#include <vector>

#include "app/archiver_program.hpp"

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    return pgbosun::app::run_archiver_program(arguments);
}
