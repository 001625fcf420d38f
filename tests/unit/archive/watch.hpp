#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>

#include "archive/hook_request.hpp"

namespace pgbosun::test {

// Waits for what happens on other threads, told by the `changed` callback of the archiver and the restorer.
class Watch {
public:
    std::function<void()> callback() {
        return [this] {
            const std::lock_guard lock(mutex_);
            ++changes_;
            changed_.notify_all();
        };
    }

    template <class Predicate>
    void until(const Predicate& predicate) {
        for (;;) {
            std::unique_lock lock(mutex_);
            const auto seen = changes_;
            lock.unlock();
            if (predicate()) return;
            lock.lock();
            changed_.wait(lock, [&] { return changes_ != seen; });
        }
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t changes_ = 0;
};

// One answer, whenever it comes.
class Reply {
public:
    std::function<void(archive::HookAnswer)> later() {
        return [this](archive::HookAnswer answer) {
            there_ = true;
            promise_.set_value(std::move(answer));
        };
    }
    [[nodiscard]] bool is_there() const { return there_; }
    archive::HookAnswer get() { return promise_.get_future().get(); }

private:
    std::promise<archive::HookAnswer> promise_;
    std::atomic<bool> there_ = false;
};

}  // namespace pgbosun::test
