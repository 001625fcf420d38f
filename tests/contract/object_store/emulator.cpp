#include "contract/object_store/emulator.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

extern char** environ;

namespace pgbosun::test {

Emulator::Emulator(const std::string& program, std::vector<std::string> arguments) {
    // s3rver's continuation tokens are made with DES, which OpenSSL 3 has in the legacy provider only.
    setenv("NODE_OPTIONS", "--openssl-legacy-provider", 1);
    int out[2];
    if (pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_adddup2(&actions, out[1], 2);
    arguments.insert(arguments.begin(), program);
    std::vector<char*> words;
    for (auto& word : arguments) {
        if (word == "<place>") word = place_.path();
        words.push_back(word.data());
    }
    words.push_back(nullptr);
    const int error = posix_spawnp(&pid_, program.c_str(), &actions, nullptr, words.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    if (error != 0) throw std::runtime_error("cannot run " + program);
    read_port(out[0]);
    out_ = out[0];
}

Emulator::~Emulator() {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
    close(out_);
}

// "... listening on 127.0.0.1:40123", "... listens on http://127.0.0.1:40123"
void Emulator::read_port(int from) {
    std::string said;
    char c = 0;
    while (read(from, &c, 1) == 1) {
        said += c;
        const std::size_t at = said.find("127.0.0.1:");
        if (c != '\n' || at == std::string::npos) continue;
        port_ = said.substr(at + 10, said.find_first_not_of("0123456789", at + 10) - at - 10);
        if (port_ != "0") return;
        said.clear();
    }
    throw std::runtime_error("the emulator did not start: " + said);
}

std::string emulator_of(const char* variable, const char* package) {
    constexpr int skipped = 77;  // meson's word for it
    if (const char* program = std::getenv(variable)) return program;
    std::printf("SKIPPED: %s does not name the program (npm install %s)\n", variable, package);
    std::fflush(stdout);
    std::_Exit(skipped);
}

}  // namespace pgbosun::test
