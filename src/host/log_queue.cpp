#include "host/log_queue.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "host/boot_clock.hpp"
#include "host/readable.hpp"

namespace pgbosun::host {
namespace {

constexpr std::size_t written_at_once = 256 * 1024;  // then the loop's other work has its turn
constexpr std::size_t kept_capacity = 64 * 1024;
constexpr Duration worth_telling = std::chrono::seconds(1);

// Asio would make stdout itself non-blocking, and with it everybody's who shares it (a terminal, a test runner). An epoll
// descriptor around it is our own, and readable when stdout is writable.
Descriptor watch_for_room(int descriptor) {
    Descriptor watch(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{};
    event.events = EPOLLOUT;
    if (!watch || ::epoll_ctl(watch.get(), EPOLL_CTL_ADD, descriptor, &event) != 0) return {};
    return watch;
}

}  // namespace

LogQueue::LogQueue(boost::asio::io_context& loop, int descriptor, OnPressure on_pressure, DescribeLost describe_lost)
    : descriptor_(descriptor), on_pressure_(std::move(on_pressure)), describe_lost_(std::move(describe_lost)) {
    struct stat facts{};
    socket_ = ::fstat(descriptor, &facts) == 0 && S_ISSOCK(facts.st_mode);
    if (Descriptor watch = watch_for_room(descriptor)) {
        room_ = std::make_unique<Readable>(loop, std::move(watch), [this] { drain(); });
    }
}

LogQueue::~LogQueue() = default;

void LogQueue::put(std::string_view line) {
    if (waiting() + line.size() + 1 > hard_limit) {
        return lose(1);
    }
    if (!behind_since_) behind_since_ = boot_now();
    pending_.append(line).push_back('\n');
    // Behind others that wait there is no need to ask: the watch will.
    if (waiting() == line.size() + 1) return drain();
    tell_pressure();
}

bool LogQueue::writable(int wait_ms) const {
    pollfd target{descriptor_, POLLOUT, 0};
    return ::poll(&target, 1, wait_ms) > 0;
}

// A pipe that poll calls writable takes PIPE_BUF bytes without blocking (pipe(7)).
LogQueue::Outcome LogQueue::write_some() {
    std::size_t length = std::min<std::size_t>(waiting(), PIPE_BUF);
    const char* from = pending_.data() + begin_;
    if (const auto* feed = static_cast<const char*>(::memrchr(from, '\n', length))) {
        length = static_cast<std::size_t>(feed - from) + 1;
    }
    const ssize_t written =
        socket_ ? ::send(descriptor_, from, length, MSG_DONTWAIT | MSG_NOSIGNAL) : ::write(descriptor_, from, length);
    if (written < 0) return errno == EAGAIN || errno == EINTR ? Outcome::blocked : Outcome::gone;
    begin_ += static_cast<std::size_t>(written);
    return Outcome::written;
}

LogQueue::Outcome LogQueue::write_while_writable() {
    const std::size_t before = waiting();
    while (waiting() > 0 && (!room_ || before - waiting() < written_at_once)) {
        const Outcome outcome = writable(0) ? write_some() : Outcome::blocked;
        if (outcome != Outcome::written) return outcome;
    }
    return Outcome::written;
}

void LogQueue::drain() {
    Outcome outcome = write_while_writable();
    if (outcome != Outcome::gone && lost_ > 0 && waiting() < limit / 4) {
        pending_ += describe_lost_(std::exchange(lost_, 0)) + "\n";
        if (outcome == Outcome::written) outcome = write_while_writable();
    }
    if (outcome == Outcome::gone) discard();
    if (begin_ > pending_.size() / 2) {
        pending_.erase(0, begin_);
        begin_ = 0;
    }
    if (waiting() == 0) {
        emptied();
    } else if (room_) {
        room_->resume();
    }
    tell_pressure();
}

void LogQueue::emptied() {
    behind_since_.reset();
    if (room_) room_->pause();
    if (pending_.capacity() > kept_capacity) pending_ = std::string();
}

// Nobody can ever read it: waiting would stop PostgreSQL for nothing.
void LogQueue::discard() {
    lose(static_cast<std::size_t>(std::ranges::count(pending_.substr(begin_), '\n')));
    pending_.clear();
    begin_ = 0;
}

void LogQueue::lose(std::size_t lines) {
    lost_ += lines;
    lost_in_all_ += lines;
}

void LogQueue::tell_pressure() {
    LogPressure now = pressure_;
    if (waiting() > limit / 2) now = LogPressure::high;
    if (waiting() < limit / 4) now = LogPressure::none;
    if (std::exchange(pressure_, now) != now && on_pressure_) on_pressure_(now);
}

LogStatus LogQueue::status(Instant now) const {
    LogStatus status;
    status.waiting_bytes = waiting();
    status.lost_lines = lost_in_all_;
    if (behind_since_ && now - *behind_since_ > worth_telling) status.blocked_since = behind_since_;
    return status;
}

void LogQueue::flush(Duration longest) {
    const Instant until = boot_now() + longest;
    while (waiting() > 0) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - boot_now()).count();
        if (left <= 0 || !writable(static_cast<int>(std::min<std::int64_t>(left, INT_MAX)))) return;
        drain();
    }
}

}  // namespace pgbosun::host
