#include "host/volume_watch.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "host/boot_clock.hpp"
#include "host/boot_timer.hpp"
#include "host/child_processes.hpp"
#include "host/shared_page.hpp"
#include "host/system_fault.hpp"
#include "pgbosun/descriptor.hpp"

namespace pgbosun::host {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t write_size = 4096;
constexpr int between_writes_ms = 1000;
constexpr Duration first_restart = 1s;
constexpr Duration longest_restart = 30s;
// A child that has not begun its next write so long after it was due is stopped, or gets no CPU at all.
constexpr Duration longest_pause = 10s;

struct Findings {
    std::atomic<std::int64_t> started{0};   // ns on the boot clock; 0: never
    std::atomic<std::int64_t> finished{0};  // of the last write that returned
    std::atomic<std::int64_t> took{0};
    std::atomic<int> error{0};
    std::atomic<std::uint64_t> total{0};
    std::atomic<std::uint64_t> available{0};
};

std::int64_t now() { return boot_now().time_since_epoch().count(); }

int write_once(const std::string& path) {
    static constexpr std::array<char, write_size> zeros{};
    // Opened each time: the volume may have been mounted or replaced since.
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return errno;
    const ssize_t written = ::pwrite(file.get(), zeros.data(), zeros.size(), 0);
    if (written < 0) return errno;
    if (static_cast<std::size_t>(written) != zeros.size()) return ENOSPC;
    return ::fsync(file.get()) == 0 ? 0 : errno;
}

int watch_volume(Findings& findings, const std::string& directory, int life_line) {
    const std::string path = directory + "/" + VolumeWatch::file_name;
    while (true) {
        const std::int64_t started = now();
        findings.started = started;
        const int error = write_once(path);
        struct statvfs room{};
        if (::statvfs(directory.c_str(), &room) == 0) {
            findings.total = std::uint64_t{room.f_blocks} * room.f_frsize;
            findings.available = std::uint64_t{room.f_bavail} * room.f_frsize;
        }
        const std::int64_t finished = now();
        findings.took = finished - started;
        findings.error = error;
        findings.finished = finished;
        // Readable only when the other end has closed.
        pollfd parent{life_line, POLLIN, 0};
        if (::poll(&parent, 1, between_writes_ms) > 0) return 0;
    }
}

}  // namespace

struct VolumeWatch::State {
    State(boost::asio::io_context& loop, ChildProcesses& host, std::string where, Duration longest)
        : processes(host), directory(std::move(where)), deadline(longest), restart(loop) {}

    static void start(const std::shared_ptr<State>& state);
    static void restart_later(const std::shared_ptr<State>& state);
    Result<> fork(const std::shared_ptr<State>& state);
    void replace_stopped(Instant now);

    ChildProcesses& processes;
    std::string directory;
    Duration deadline;
    BootTimer restart;
    Duration back_off = first_restart;
    Instant started_at{};
    std::optional<SharedPage<Findings>> page;
    Descriptor life_line;  // its closing ends the child
    std::optional<ProcessId> process;
    std::optional<std::string> not_running;
    bool closed = false;
};

Result<> VolumeWatch::State::fork(const std::shared_ptr<State>& state) {
    // A page of its own for each child: one that hung and comes back does not write into its successor's.
    auto made = SharedPage<Findings>::make();
    if (!made) return std::unexpected(made.error());
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure(errno, "making a pipe");
    const Descriptor theirs(ends[0]);
    life_line = Descriptor(ends[1]);
    page = std::move(*made);
    ForkedChild child{.name = "pgbosun-volume"};
    child.body = [&findings = **page, where = directory, line = ends[0]] {
        return watch_volume(findings, where, line);
    };
    child.keep = {ends[0]};
    child.death_signal = SIGKILL;
    child.on_exit = [weak = std::weak_ptr(state)](ExitStatus status) {
        const auto self = weak.lock();
        if (!self || self->closed) return;
        self->process.reset();
        self->not_running = "the check of the volume ended: " + to_string(status);
        restart_later(self);
    };
    const auto forked = processes.fork_child(std::move(child));
    if (!forked) return std::unexpected(forked.error());
    process = *forked;
    return {};
}

// It is not the volume that hangs: a child that was stopped between two writes is replaced.
void VolumeWatch::State::replace_stopped(Instant now) {
    if (!process || !page) return;
    const Findings& findings = **page;
    const Instant started{Duration(findings.started.load())};
    const Instant finished{Duration(findings.finished.load())};
    const bool writing = started > finished;
    const Instant last = finished == Instant{} ? started_at : finished;
    if (writing || now - last <= deadline + longest_pause) return;
    // not_found: it has ended, and the callback is under way.
    std::ignore = processes.signal(*process, SIGKILL);
}

void VolumeWatch::State::start(const std::shared_ptr<State>& state) {
    state->started_at = boot_now();
    if (auto forked = state->fork(state); !forked) {
        state->not_running = forked.error().text();
        return restart_later(state);
    }
    state->not_running.reset();
}

void VolumeWatch::State::restart_later(const std::shared_ptr<State>& state) {
    const Instant now = boot_now();
    if (now - state->started_at > longest_restart) state->back_off = first_restart;
    state->restart.arm(now + state->back_off, [weak = std::weak_ptr(state)] {
        if (const auto self = weak.lock()) start(self);
    });
    state->back_off = std::min(2 * state->back_off, longest_restart);
}

VolumeWatch::VolumeWatch(boost::asio::io_context& loop, ChildProcesses& processes, std::string directory,
                         Duration deadline)
    : state_(std::make_shared<State>(loop, processes, std::move(directory), deadline)) {
    State::start(state_);
}

VolumeWatch::~VolumeWatch() {
    state_->closed = true;
    state_->restart.disarm();
    state_->life_line.reset();
}

VolumeReading VolumeWatch::read(Instant now) const {
    VolumeReading reading;
    state_->replace_stopped(now);
    reading.error = state_->not_running;
    if (!state_->page) return reading;
    const Findings& findings = **state_->page;
    const Instant started{Duration(findings.started.load())};
    const Instant finished{Duration(findings.finished.load())};
    reading.total_bytes = findings.total;
    reading.available_bytes = findings.available;
    reading.last_write = Duration(findings.took.load());
    if (finished != Instant{}) reading.checked_at = finished;
    if (!reading.error && started > finished && now - started > state_->deadline) reading.hangs_since = started;
    if (const int error = findings.error; error != 0 && !reading.error) {
        reading.error = system_fault(error, "writing to " + state_->directory).text();
    }
    return reading;
}

}  // namespace pgbosun::host
