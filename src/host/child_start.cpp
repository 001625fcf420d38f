#include "host/child_start.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "host/identity.hpp"

namespace pgbosun::host {
namespace {

constexpr rlim_t no_more_than = 65536;  // descriptors looked at where close_range is missing

// Where the kernel or a sandbox has no close_range, one by one.
void close_from_to(unsigned first, unsigned last) {
    if (first > last || ::syscall(SYS_close_range, first, last, 0) == 0) return;
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const auto end = std::min({limit.rlim_cur, no_more_than, static_cast<rlim_t>(last) + 1});
    for (rlim_t number = first; number < end; ++number) ::close(static_cast<int>(number));
}

// All but stdin, stdout, stderr and `kept`.
void close_others(std::vector<int> kept) {
    std::ranges::sort(kept);
    unsigned next = STDERR_FILENO + 1;
    for (const int descriptor : kept) {
        if (descriptor < static_cast<int>(next)) continue;
        close_from_to(next, static_cast<unsigned>(descriptor) - 1);
        next = static_cast<unsigned>(descriptor) + 1;
    }
    close_from_to(next, UINT_MAX);
}

}  // namespace

void begin_child(pid_t parent, int death_signal, std::span<const int> ignored) {
    for (int signal = 1; signal < NSIG; ++signal) {
        if (signal != SIGKILL && signal != SIGSTOP) std::signal(signal, SIG_DFL);
    }
    for (const int signal : ignored) std::signal(signal, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::setsid();
    ::umask(077);
    if (death_signal != 0) {
        ::prctl(PR_SET_PDEATHSIG, death_signal);
        // The parent may have died before the call; then nobody would send the signal.
        if (::getppid() != parent) ::_exit(128 + death_signal);
    }
}

void keep_descriptors(std::span<const int> keep) {
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(null, STDIN_FILENO);
    ::dup2(null, STDOUT_FILENO);
    close_others({keep.begin(), keep.end()});
}

ChildStart::ChildStart(const Command& command, int output, int failure)
    : command_(command), output_(output), failure_(failure) {
    argv_.push_back(const_cast<char*>(command.program.c_str()));
    for (const auto& argument : command.arguments) argv_.push_back(const_cast<char*>(argument.c_str()));
    argv_.push_back(nullptr);
    for (const auto& variable : command.environment) envp_.push_back(const_cast<char*>(variable.c_str()));
    envp_.push_back(nullptr);
    lifted_.resize(command.descriptors.size());
}

void ChildStart::fail_at(Step step) const {
    const Failure failure{errno, step};
    // A parent that does not read any more has given up on us.
    [[maybe_unused]] const auto written = ::write(failure_, &failure, sizeof failure);
    ::_exit(127);
}

void ChildStart::place_descriptors() {
    int above = STDERR_FILENO + 1;
    for (const auto& [ours, number] : command_.descriptors) above = std::max(above, number + 1);
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) fail_at(Step::descriptors);
    const int lifted_failure = ::fcntl(failure_, F_DUPFD_CLOEXEC, above);
    if (lifted_failure < 0) fail_at(Step::descriptors);
    failure_ = lifted_failure;
    const int output = ::fcntl(output_ < 0 ? null : output_, F_DUPFD_CLOEXEC, above);
    if (output < 0) fail_at(Step::descriptors);
    for (std::size_t i = 0; i < lifted_.size(); ++i) {
        lifted_[i] = ::fcntl(command_.descriptors[i].first, F_DUPFD_CLOEXEC, above);
        if (lifted_[i] < 0) fail_at(Step::descriptors);
    }
    const int input = ::fcntl(null, F_DUPFD_CLOEXEC, above);
    if (input < 0 || ::dup2(input, STDIN_FILENO) < 0 || ::dup2(output, STDOUT_FILENO) < 0 ||
        ::dup2(output, STDERR_FILENO) < 0) {
        fail_at(Step::descriptors);
    }
    std::vector<int> kept{failure_};
    for (std::size_t i = 0; i < lifted_.size(); ++i) {
        const int number = command_.descriptors[i].second;
        if (::dup2(lifted_[i], number) < 0) fail_at(Step::descriptors);
        kept.push_back(number);
    }
    // Closed here and not by execve: a child that hangs in execve must not hold what tells the guard and others
    // that we have died.
    close_others(std::move(kept));
}

// Failure is not worth a server that does not start: the kernel then only chooses its victim less well.
void ChildStart::raise_oom_score() const {
    if (command_.oom_score_raise == 0) return;
    const int file = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    const int score = std::min(oom_score_adjustment() + command_.oom_score_raise, 1000);
    ::dprintf(file, "%d", score);
    ::close(file);
}

void ChildStart::run(pid_t parent) {
    begin_child(parent, command_.death_signal);
    raise_oom_score();
    place_descriptors();
    if (::chdir(command_.working_directory.c_str()) != 0) fail_at(Step::chdir);
    ::execve(command_.program.c_str(), argv_.data(), envp_.data());
    fail_at(Step::exec);
}

}  // namespace pgbosun::host
