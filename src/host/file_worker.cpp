#include "host/file_worker.hpp"

#include <sys/socket.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <csignal>
#include <deque>

#include "host/boot_clock.hpp"
#include "host/boot_timer.hpp"
#include "host/child_processes.hpp"
#include "host/event.hpp"
#include "host/system_fault.hpp"
#include "pgbosun/descriptor.hpp"

namespace pgbosun::host {
namespace {

constexpr std::size_t longest_queue = 64;
constexpr int most_abandoned = 4;  // children that hang in the kernel, where no signal reaches them

}  // namespace

struct FileWorker::Call {
    Call(boost::asio::io_context& loop, FileRequest asked, Instant until)
        : path(std::move(asked.path)), deadline(until), event(loop) {
        asked.path = path;
        request = encode(asked);
        length = request.size();
    }

    std::string path;
    Instant deadline;
    std::string request;
    std::uint64_t length = 0;
    Result<std::string> answer = fail(FaultKind::cancelled, "given up");
    Event event;
};

struct FileWorker::Connection {
    explicit Connection(boost::asio::io_context& loop) : socket(loop) {}
    boost::asio::local::stream_protocol::socket socket;
    ProcessId process{};
    std::shared_ptr<bool> abandoned = std::make_shared<bool>(false);  // shared with the reaper's callback
    std::uint64_t length = 0;
    std::string answer;
};

struct FileWorker::State : std::enable_shared_from_this<State> {
    State(boost::asio::io_context& context, ChildProcesses& host, Duration time, std::string child_name)
        : loop(context), processes(host), limit(time), name(std::move(child_name)), timer(context) {}

    void begin_next();
    Result<> connect();
    void send();
    void receive_length();
    void receive_answer();
    void answer_front(Result<std::string> answer);
    void expire();
    void lost();
    void abandon();

    boost::asio::io_context& loop;
    ChildProcesses& processes;
    Duration limit;
    std::string name;
    BootTimer timer;
    std::deque<std::shared_ptr<Call>> queue;                    // the first is under way
    std::shared_ptr<Connection> connection;                     // none: no child
    std::shared_ptr<int> abandoned = std::make_shared<int>(0);  // shared with the reaper's callbacks
};

void FileWorker::State::begin_next() {
    while (!queue.empty()) {
        if (queue.front()->deadline <= boot_now()) {
            answer_front(fail(FaultKind::unavailable, queue.front()->path + ": the volume does not answer in time"));
            continue;
        }
        if (auto connected = connect(); !connected) {
            answer_front(std::unexpected(std::move(connected.error()).in(queue.front()->path)));
            continue;
        }
        timer.arm(queue.front()->deadline, [this] { expire(); });
        return send();
    }
}

Result<> FileWorker::State::connect() {
    if (connection) return {};
    if (*abandoned >= most_abandoned) {
        return fail(FaultKind::unavailable, "the volume hangs, and so do all file workers",
                    "look at the volume; processes that wait for it cannot be ended");
    }
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return system_failure(errno, "starting the file worker");
    }
    auto made = std::make_shared<Connection>(loop);
    made->socket.assign(boost::asio::local::stream_protocol(), ends[0]);
    const Descriptor theirs(ends[1]);
    ForkedChild child{.name = name};
    child.body = [channel = ends[1]] { return serve_files(channel); };
    child.keep = {ends[1]};
    child.death_signal = SIGKILL;
    child.on_exit = [count = abandoned, counted = made->abandoned, weak = weak_from_this(),
                     of = std::weak_ptr<Connection>(made)](ExitStatus) {
        if (*counted) --*count;
        // It ended while nothing was under way: the next call has a new one.
        const auto self = weak.lock();
        if (self && self->queue.empty() && self->connection && self->connection == of.lock())
            self->connection = nullptr;
    };
    auto process = processes.fork_child(std::move(child));
    if (!process) return std::unexpected(process.error());
    made->process = *process;
    connection = std::move(made);
    return {};
}

void FileWorker::State::send() {
    const std::array<boost::asio::const_buffer, 2> message{
        boost::asio::buffer(&queue.front()->length, sizeof(std::uint64_t)),
        boost::asio::buffer(queue.front()->request)};
    boost::asio::async_write(connection->socket, message,
                             [self = shared_from_this(), used = connection, kept = queue.front()](
                                 boost::system::error_code error, std::size_t) {
                                 if (self->connection != used) return;
                                 error ? self->lost() : self->receive_length();
                             });
}

void FileWorker::State::receive_length() {
    boost::asio::async_read(
        connection->socket, boost::asio::buffer(&connection->length, sizeof(std::uint64_t)),
        [self = shared_from_this(), used = connection](boost::system::error_code error, std::size_t) {
            if (self->connection != used) return;
            error || used->length > largest_message ? self->lost() : self->receive_answer();
        });
}

void FileWorker::State::receive_answer() {
    connection->answer.resize(connection->length);
    boost::asio::async_read(
        connection->socket, boost::asio::buffer(connection->answer),
        [self = shared_from_this(), used = connection](boost::system::error_code error, std::size_t) {
            if (self->connection != used) return;
            if (error) return self->lost();
            auto answer = decode_answer(used->answer);
            used->answer = std::string();
            self->answer_front(std::move(answer));
            self->begin_next();
        });
}

void FileWorker::State::answer_front(Result<std::string> answer) {
    timer.disarm();
    const auto call = std::move(queue.front());
    queue.pop_front();
    call->answer = std::move(answer);
    call->event.announce();
}

void FileWorker::State::expire() {
    abandon();
    answer_front(fail(FaultKind::unavailable, queue.front()->path + ": the volume does not answer in time",
                      "look at the volume; it may still be done"));
    begin_next();
}

void FileWorker::State::lost() {
    abandon();
    answer_front(fail(FaultKind::unavailable, queue.front()->path + ": the file worker ended; it may have been done"));
    begin_next();
}

// Killed, it carries out no further system call: what the next child does cannot be undone by this one later.
void FileWorker::State::abandon() {
    if (processes.signal(connection->process, SIGKILL)) {
        *connection->abandoned = true;
        ++*abandoned;
    }
    connection->socket.close();
    connection = nullptr;
}

FileWorker::FileWorker(boost::asio::io_context& loop, ChildProcesses& processes, Duration limit, std::string name)
    : state_(std::make_shared<State>(loop, processes, limit, std::move(name))) {}

FileWorker::~FileWorker() {
    if (state_->connection) state_->connection->socket.close();
    state_->connection = nullptr;
    state_->timer.disarm();
    for (const auto& call : std::exchange(state_->queue, {})) call->event.announce();
}

Task<Result<std::string>> FileWorker::call(FileRequest request) {
    const auto state = state_;
    if (state->queue.size() >= longest_queue) {
        co_return fail(FaultKind::unavailable, request.path + ": too many file operations wait");
    }
    const auto call = std::make_shared<Call>(state->loop, std::move(request), boot_now() + state->limit);
    state->queue.push_back(call);
    if (state->queue.size() == 1) state->begin_next();
    co_await call->event.wait();
    co_return std::move(call->answer);
}

}  // namespace pgbosun::host
