#include "support/real_program.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <utility>

extern char** environ;

namespace pgbosun::test {
namespace {

constexpr int skipped = 77;  // meson's word for it

}  // namespace

std::string find_program(const std::vector<std::string>& paths, const std::string& lacking) {
    for (const auto& path : paths) {
        if (access(path.c_str(), X_OK) == 0) return path;
    }
    std::puts(("SKIPPED: " + lacking).c_str());
    std::fflush(stdout);
    std::_Exit(skipped);
}

int free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket, raw, length) != 0 || ::getsockname(socket, raw, &length) != 0)
        throw std::runtime_error("no port");
    ::close(socket);
    return ntohs(address.sin_port);
}

pid_t start_program(std::vector<std::string> words, const std::string& output) {
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t pid = -1;
    const int error = posix_spawn(&pid, words.front().c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::runtime_error("cannot run " + words.front());
    return pid;
}

void end_program(pid_t& pid) {
    if (pid <= 0) return;
    ::kill(pid, SIGKILL);
    ::waitpid(std::exchange(pid, -1), nullptr, 0);
}

}  // namespace pgbosun::test
