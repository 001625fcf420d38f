#pragma once
// Adapter: a thread that asks the C library for the addresses of hosts, one after the other. Nobody can interrupt it there,
// so nobody waits for it: who has asked is told when it is over, if it still wants to know.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "http/name_memory.hpp"

namespace pgbosun::http {

class LookupThread {
public:
    using Answer = std::function<void(Looked)>;
    static constexpr std::size_t most_waiting = 256;

    // `look` may block.
    explicit LookupThread(std::function<Looked(const std::string& host)> look) : look_(std::move(look)) {}
    // Waits for the lookup that is under way; the others are dropped.
    ~LookupThread();
    LookupThread(const LookupThread&) = delete;
    LookupThread& operator=(const LookupThread&) = delete;

    // The one of this process, over getaddrinfo. It ends with the process and is never waited for.
    static LookupThread& of_process();

    // Never blocks. `answer` is called once, from that thread, and not at all when this is destroyed before; when too many
    // wait already, at once. The thread begins with the first one.
    void ask(std::string host, Answer answer);

private:
    struct Wanted {
        std::string host;
        Answer answer;
    };
    void run();
    void start();

    std::function<Looked(const std::string& host)> look_;
    std::mutex mutex_;
    std::condition_variable news_;
    std::deque<Wanted> waiting_;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace pgbosun::http
