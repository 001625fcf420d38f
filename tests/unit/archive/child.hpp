#pragma once
// A child process of a test: its standard input is a pipe of ours, its output and error output are kept.

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

namespace pgbosun::test {

class Child {
public:
    Child(const std::string& program, std::vector<std::string> arguments, std::vector<std::string> environment,
          const std::string& directory = "/") {
        std::array<int, 2> in{}, out{}, err{};
        if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0 ||
            ::pipe2(err.data(), O_CLOEXEC) != 0) {
            std::abort();
        }
        arguments.insert(arguments.begin(), program);
        posix_spawn_file_actions_t actions{};
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, in[0], 0);
        posix_spawn_file_actions_adddup2(&actions, out[1], 1);
        posix_spawn_file_actions_adddup2(&actions, err[1], 2);
        posix_spawn_file_actions_addchdir_np(&actions, directory.c_str());
        if (::posix_spawn(&pid_, program.c_str(), &actions, nullptr, pointers(arguments).data(),
                          pointers(environment).data()) != 0) {
            std::abort();
        }
        posix_spawn_file_actions_destroy(&actions);
        ::close(in[0]);
        ::close(out[1]);
        ::close(err[1]);
        input_ = in[1];
        output_ = out[0];
        error_ = err[0];
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            wait();
        }
        close_input();
        ::close(output_);
        ::close(error_);
    }

    void send(int signal_number) const { ::kill(pid_, signal_number); }
    void write(const std::string& text) const {
        if (::write(input_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
    }
    void close_input() {
        if (input_ >= 0) ::close(input_);
        input_ = -1;
    }
    // The next line of its standard output, without the line end; empty at the end of it.
    std::string read_line() const {
        std::string line;
        char c = 0;
        while (::read(output_, &c, 1) == 1 && c != '\n') line += c;
        return line;
    }
    // The exit status, or 1000 + the signal that killed it.
    int wait() {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0) {
        }
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    }
    [[nodiscard]] std::string error_text() const { return drain(error_); }
    [[nodiscard]] std::string output_text() const { return drain(output_); }

private:
    static std::vector<char*> pointers(std::vector<std::string>& texts) {
        std::vector<char*> all;
        for (auto& text : texts) all.push_back(text.data());
        all.push_back(nullptr);
        return all;
    }
    static std::string drain(int descriptor) {
        std::string text;
        std::array<char, 4096> part{};
        for (ssize_t count = 0; (count = ::read(descriptor, part.data(), part.size())) > 0;) {
            text.append(part.data(), static_cast<std::size_t>(count));
        }
        return text;
    }

    pid_t pid_ = -1;
    int input_ = -1, output_ = -1, error_ = -1;
};

}  // namespace pgbosun::test
