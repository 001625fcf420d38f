#pragma once
// Progress while threads work.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace pgbosun::backup {

// Calls `report` four times a second, on a thread of its own, until it goes out of scope.
class Reports {
public:
    explicit Reports(std::function<void()> report)
        : report_(std::move(report)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

private:
    static constexpr std::chrono::milliseconds between{250};

    void run(const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        while (!stop.stop_requested()) {
            changed_.wait_for(lock, stop, between, [] { return false; });
            report_();
        }
    }

    const std::function<void()> report_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::jthread thread_;
};

}  // namespace pgbosun::backup
