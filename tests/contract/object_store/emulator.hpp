#pragma once
// An emulator from npm, run on a free port of 127.0.0.1 in a directory of its own; it ends with its owner.

#include <sys/types.h>

#include <string>
#include <vector>

#include "support/temporary_directory.hpp"

namespace pgbosun::test {

class Emulator {
public:
    // `arguments` come after the program; "<place>" in them is the directory. Returns once it has told its address.
    Emulator(const std::string& program, std::vector<std::string> arguments);
    ~Emulator();
    Emulator(const Emulator&) = delete;
    Emulator& operator=(const Emulator&) = delete;
    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + port_; }

private:
    void read_port(int from);

    TemporaryDirectory place_;
    pid_t pid_ = -1;
    int out_ = -1;
    std::string port_;
};

// The program that the environment variable names; without one the test says so and is skipped.
std::string emulator_of(const char* variable, const char* package);

}  // namespace pgbosun::test
