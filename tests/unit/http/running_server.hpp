#pragma once
// The real server on its own thread, on any free port and in a directory of its own, and a peer that speaks raw bytes.

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <filesystem>
#include <future>
#include <thread>

#include "http/server.hpp"
#include "support/fake_instance_control.hpp"

namespace pgbosun::test {

class TemporaryDirectory {
public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    [[nodiscard]] std::string file(const std::string& name) const { return path_ / name; }
    // Writes a file and returns its path.
    std::string write(const std::string& name, const std::string& text) const;

private:
    std::filesystem::path path_;
};

// As the agent does it: with what is in the files now.
Result<> start(http::Server& server, const HttpSettings& http);
Result<> reload(http::Server& server, const HttpSettings& http);

class RunningServer {
public:
    explicit RunningServer(HttpSettings http = {}, http::Limits limits = {});
    ~RunningServer();

    // On the control thread; returns what it returns.
    template <class Work>
    auto on_loop(Work work) {
        std::packaged_task<decltype(work())()> task(std::move(work));
        auto result = task.get_future();
        boost::asio::post(io_, [&task] { task(); });
        return result.get();
    }
    // Waits for something that the control thread does by itself.
    template <class Condition>
    void until(Condition condition) {
        while (!on_loop(condition)) std::this_thread::yield();
    }

    TemporaryDirectory directory;
    std::string socket_path = directory.file("control.sock");

private:
    boost::asio::io_context io_{1};

public:
    FakeJournal journal{io_};
    FakeInstanceControl control{io_, journal};
    http::Server server;

private:
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
    std::jthread thread_;
};

// One connection of a client. Reads give up after 20 s with an exception: the test hangs no longer than that.
class RawPeer {
public:
    static RawPeer tcp(std::uint16_t port);
    static RawPeer unix_socket(const std::string& path);
    ~RawPeer();
    RawPeer(RawPeer&& other) noexcept : socket_(std::exchange(other.socket_, -1)), got_(std::move(other.got_)) {}
    RawPeer& operator=(RawPeer&&) = delete;

    RawPeer& send(std::string_view text);
    void finish_sending();
    // Up to and with the marker.
    std::string read_until(std::string_view marker);
    // Head and body of one answer; `body_length` none: as Content-Length says.
    std::string read_answer();
    std::string read_head() { return read_until("\r\n\r\n"); }
    // All that comes until the other side closes.
    std::string read_to_end();

private:
    explicit RawPeer(int socket);
    bool read_more();

    int socket_;
    std::string got_;
};

}  // namespace pgbosun::test
