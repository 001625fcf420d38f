#pragma once
// The signals that people and container runtimes send to pgbosun, as callbacks on the control thread.

#include <functional>
#include <map>
#include <memory>

namespace boost::asio {
class io_context;
}

namespace pgbosun::host {

class Readable;

// TERM, INT, QUIT, HUP and USR1. SIGCHLD belongs to ChildProcesses.
class Signals {
public:
    // Blocks the five and ignores SIGPIPE: construct it before anything else. A signal that arrives before its
    // callback is set waits; one without a callback when the loop runs is ignored, as PID 1 would.
    explicit Signals(boost::asio::io_context& loop);
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    // Takes the place of an earlier callback.
    void on(int signal, std::function<void()> callback);

private:
    void deliver();

    std::unique_ptr<Readable> pending_;
    std::map<int, std::function<void()>> callbacks_;
};

}  // namespace pgbosun::host
