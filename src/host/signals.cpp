#include "host/signals.hpp"

#include <sys/signalfd.h>

#include <cassert>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "host/readable.hpp"

namespace pgbosun::host {
namespace {

sigset_t asked_for() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1}) sigaddset(&set, signal);
    return set;
}

Descriptor block_and_open() {
    const sigset_t set = asked_for();
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    // A reader that has gone is an error of the write, not the end of PID 1.
    std::signal(SIGPIPE, SIG_IGN);
    Descriptor pending(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!pending) throw std::system_error(errno, std::generic_category(), "signalfd");
    return pending;
}

}  // namespace

Signals::Signals(boost::asio::io_context& loop)
    : pending_(std::make_unique<Readable>(loop, block_and_open(), [this] { deliver(); })) {
    pending_->resume();
}

Signals::~Signals() = default;

void Signals::on(int signal, std::function<void()> callback) {
    const sigset_t set = asked_for();
    assert(sigismember(&set, signal) == 1);
    callbacks_[signal] = std::move(callback);
}

void Signals::deliver() {
    signalfd_siginfo info{};
    if (::read(pending_->descriptor(), &info, sizeof info) != sizeof info) return;
    const auto found = callbacks_.find(static_cast<int>(info.ssi_signo));
    if (found == callbacks_.end()) return;
    const auto callback = found->second;  // a callback may replace itself
    callback();
}

}  // namespace pgbosun::host
