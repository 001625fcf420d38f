#include "host/child_processes.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>
#include <optional>
#include <system_error>

#include "host/boot_clock.hpp"
#include "host/boot_timer.hpp"
#include "host/child_start.hpp"
#include "host/line_splitter.hpp"
#include "host/readable.hpp"
#include "host/stray_processes.hpp"
#include "host/system_fault.hpp"

namespace pgbosun::host {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t longest_line = 64 * 1024;
constexpr std::size_t read_at_once = 16 * 1024;
constexpr int reaped_at_once = 256;            // then the loop's other work has its turn
constexpr std::size_t left_in_pipe = 1 << 20;  // the most that is read from an ended child's pipe
constexpr Duration drain_time = 200ms;         // of a pipe that a grandchild keeps open
// A program is executed within a few milliseconds, or the file system hangs that holds it: PID 1 does not wait for that.
constexpr int exec_patience_ms = 100;

struct Pipe {
    Descriptor reading, writing;
};

Result<Pipe> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure(errno, "making a pipe");
    return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

Descriptor open_reaper() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    Descriptor reaper(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!reaper) throw std::system_error(errno, std::generic_category(), "signalfd");
    return reaper;
}

ExitStatus status_of(const siginfo_t& info) {
    return {info.si_code == CLD_EXITED ? ExitStatus::How::exited : ExitStatus::How::killed, info.si_status};
}

std::string describe(const ChildStart::Failure& failure, const std::string& program,
                     const std::string& working_directory) {
    switch (failure.step) {
        case ChildStart::Step::start: break;
        case ChildStart::Step::chdir: return "entering " + working_directory + " for " + program;
        case ChildStart::Step::descriptors: return "passing descriptors to " + program;
        case ChildStart::Step::exec: break;
    }
    return "starting " + program;
}

// What a child has to say of its execve, which closes the pipe.
struct Execution {
    Descriptor pipe;
    std::string program, working_directory;
};

bool is_known(const Execution& execution, int patience_ms) {
    pollfd waiting{execution.pipe.get(), POLLIN, 0};
    int ready = 0;
    do {
        ready = ::poll(&waiting, 1, patience_ms);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

// When it is known.
Result<> outcome(const Execution& execution) {
    ChildStart::Failure failure{};
    if (::read(execution.pipe.get(), &failure, sizeof failure) != sizeof failure) return {};
    return system_failure(failure.error, describe(failure, execution.program, execution.working_directory));
}

}  // namespace

struct ChildProcesses::Child {
    std::function<void(std::string_view)> on_line;
    std::function<void(ExitStatus)> on_exit;
    LineSplitter lines{longest_line};
    std::optional<Execution> execution;  // set: it was not executed within our patience
    std::unique_ptr<Readable> output;    // none: there is none, or it has been read to the end
    std::optional<ExitStatus> status;    // set: reaped
    Instant drain_until{};               // when reaped
};

struct ChildProcesses::State : std::enable_shared_from_this<State> {
    explicit State(boost::asio::io_context& context)
        : loop(context), reaper(context, open_reaper(), [this] { child_signal(); }), drain(context) {}

    void read_output(Child& child, Descriptor pipe, std::function<void(std::string_view)> on_line);
    std::unexpected<Fault> not_forked(int error, const std::string& doing);
    void child_signal();
    void reap();
    void ended(const siginfo_t& info);
    enum class More { later, none };
    More read_once(Child& child);
    void output_ready(Child& child);
    void drain_due();
    void arm_drain();
    void drain_and_finish(Child& child);
    void finish(Child& child);

    boost::asio::io_context& loop;
    Readable reaper;
    BootTimer drain;  // of the first in `ending`
    std::map<pid_t, std::unique_ptr<Child>> living;
    std::map<Child*, std::unique_ptr<Child>> ending;  // reaped, output not at its end
    OutputFlow flow = OutputFlow::read;
    std::size_t orphans = 0;
    std::optional<Shortage> shortage;
    bool closed = false;
    std::array<char, read_at_once> block{};
};

void ChildProcesses::State::read_output(Child& child, Descriptor pipe, std::function<void(std::string_view)> on_line) {
    child.on_line = std::move(on_line);
    child.output = std::make_unique<Readable>(loop, std::move(pipe), [this, &child] { output_ready(child); });
    if (flow == OutputFlow::read) child.output->resume();
}

std::unexpected<Fault> ChildProcesses::State::not_forked(int error, const std::string& doing) {
    auto failure = system_failure(error, doing);
    const Instant since = shortage ? shortage->since : boot_now();
    shortage = Shortage{since, failure.error().what};
    return failure;
}

void ChildProcesses::State::child_signal() {
    signalfd_siginfo info{};
    while (::read(reaper.descriptor(), &info, sizeof info) == sizeof info) {
    }
    reap();
}

// One SIGCHLD may stand for many: everything that has ended is taken.
void ChildProcesses::State::reap() {
    for (int taken = 0; taken < reaped_at_once; ++taken) {
        siginfo_t info{};
        if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0) return;
        ended(info);
        if (closed) return;
    }
    boost::asio::post(loop, [self = shared_from_this()] {
        if (!self->closed) self->reap();
    });
}

void ChildProcesses::State::ended(const siginfo_t& info) {
    auto found = living.extract(info.si_pid);
    if (!found) {
        ++orphans;
        return;
    }
    Child& child = *found.mapped();
    child.status = status_of(info);
    ending[&child] = std::move(found.mapped());
    if (!child.output) return finish(child);
    child.drain_until = boot_now() + drain_time;
    arm_drain();
}

void ChildProcesses::State::arm_drain() {
    if (ending.empty()) return;
    const auto first = std::ranges::min_element(ending, {}, [](const auto& one) { return one.second->drain_until; });
    drain.arm(first->second->drain_until, [this] { drain_due(); });
}

void ChildProcesses::State::drain_due() {
    std::vector<Child*> due;
    for (const auto& [child, owned] : ending) {
        if (child->drain_until <= boot_now()) due.push_back(child);
    }
    for (Child* child : due) drain_and_finish(*child);
    arm_drain();
}

ChildProcesses::State::More ChildProcesses::State::read_once(Child& child) {
    const ssize_t length = ::read(child.output->descriptor(), block.data(), block.size());
    if (length > 0) {
        child.lines.add({block.data(), static_cast<std::size_t>(length)}, child.on_line);
        return More::later;
    }
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return More::none;
    child.lines.end(child.on_line);
    child.output.reset();
    return More::none;
}

void ChildProcesses::State::output_ready(Child& child) {
    read_once(child);
    if (!child.output && child.status) finish(child);
}

void ChildProcesses::State::drain_and_finish(Child& child) {
    std::size_t reads = left_in_pipe / read_at_once;
    while (child.output && reads-- > 0 && read_once(child) == More::later) {
    }
    if (child.output) child.lines.end(child.on_line);
    finish(child);
}

void ChildProcesses::State::finish(Child& child) {
    const auto ended_child = ending.extract(&child);
    if (child.execution) {
        const auto executed = outcome(*child.execution);
        if (!executed && child.on_line) child.on_line(executed.error().text());
    }
    const auto on_exit = std::move(child.on_exit);
    if (on_exit) on_exit(*child.status);
}

ChildProcesses::ChildProcesses(boost::asio::io_context& loop) : state_(std::make_shared<State>(loop)) {
    if (::getpid() != 1) ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    state_->reaper.resume();
    state_->child_signal();  // whatever ended before the signal was blocked
}

ChildProcesses::~ChildProcesses() {
    state_->closed = true;
    state_->reaper.pause();
    state_->drain.disarm();
    state_->living.clear();
    state_->ending.clear();
}

Result<ProcessId> ChildProcesses::spawn(Command command) {
    auto failure = make_pipe();
    if (!failure) return std::unexpected(failure.error());
    Execution execution{std::move(failure->reading), command.program, command.working_directory};
    auto child = std::make_unique<Child>();
    Descriptor output;
    if (command.on_line) {
        auto pipe = make_pipe();
        if (!pipe) return std::unexpected(pipe.error());
        output = std::move(pipe->writing);
        state_->read_output(*child, std::move(pipe->reading), std::move(command.on_line));
    }
    ChildStart start(command, output.get(), failure->writing.get());
    const pid_t parent = ::getpid();
    const pid_t process = ::fork();
    if (process < 0) return state_->not_forked(errno, "starting " + command.program);
    if (process == 0) start.run(parent);
    failure->writing.reset();
    output.reset();
    // Whatever comes, it is ours and will be reaped as ours.
    Child& started = *(state_->living[process] = std::move(child));
    if (!is_known(execution, exec_patience_ms)) {
        started.execution = std::move(execution);
        if (command.on_late) command.on_late();
    } else if (auto executed = outcome(execution); !executed) {
        return std::unexpected(executed.error());
    }
    started.on_exit = std::move(command.on_exit);
    state_->shortage.reset();
    return ProcessId{process};
}

Result<ProcessId> ChildProcesses::fork_child(ForkedChild child) {
    child.ignored_signals.push_back(SIGPIPE);
    const pid_t parent = ::getpid();
    // Held back until the child ignores what it must.
    sigset_t all, before;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before);
    const pid_t process = ::fork();
    if (process != 0) ::sigprocmask(SIG_SETMASK, &before, nullptr);
    if (process < 0) return state_->not_forked(errno, "starting the process " + child.name);
    if (process == 0) {
        begin_child(parent, child.death_signal, child.ignored_signals);
        ::prctl(PR_SET_NAME, child.name.c_str());
        keep_descriptors(child.keep);
        ::_exit(child.body());
    }
    auto forked = std::make_unique<Child>();
    forked->on_exit = std::move(child.on_exit);
    state_->living[process] = std::move(forked);
    state_->shortage.reset();
    return ProcessId{process};
}

const std::optional<ChildProcesses::Shortage>& ChildProcesses::shortage() const { return state_->shortage; }

Result<> ChildProcesses::signal(ProcessId process, int number) {
    const auto found = state_->living.find(static_cast<pid_t>(process));
    // A number that has not been reaped cannot have been given to another process.
    if (found != state_->living.end() && ::kill(found->first, number) == 0) return {};
    return fail(FaultKind::not_found, "the process has ended");
}

std::size_t ChildProcesses::kill_strays(std::string_view data_directory) {
    return kill_server_processes(data_directory);
}

std::size_t ChildProcesses::orphans_reaped() const { return state_->orphans; }

void ChildProcesses::set_output(OutputFlow flow) {
    state_->flow = flow;
    const auto apply = [flow](Child& child) {
        if (!child.output) return;
        flow == OutputFlow::read ? child.output->resume() : child.output->pause();
    };
    for (auto& [process, child] : state_->living) apply(*child);
    for (auto& [key, child] : state_->ending) apply(*child);
}

}  // namespace pgbosun::host
