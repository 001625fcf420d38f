#include "archive/left_behind.hpp"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <memory>
#include <mutex>
#include <thread>

#include "wal/archive_marks.hpp"

namespace pgbosun::archive {
namespace {

using Clock = std::chrono::steady_clock;

// One compresses while the other waits for the store.
constexpr std::size_t threads_for_each = 2;

class Run {
public:
    Run(ObjectStore& store, const ArchiveTarget& target, const LeftBehindOrder& order,
        const std::vector<std::string>& names, const std::function<void(std::size_t)>& progress)
        : store_(store), target_(target), order_(order), names_(names), progress_(progress),
          identity_(store, target.server, target.state_directory),
          compressors_(target.compression, target.level, order.compressing) {}

    LeftBehindReport run() {
        const auto wanted = static_cast<std::size_t>(order_.compressing) * threads_for_each;
        std::vector<std::jthread> threads;
        working_ = std::min(wanted, names_.size());
        last_success_ = Clock::now();
        threads.reserve(working_);
        for (std::size_t i = 0; i < working_; ++i) threads.emplace_back([this] { work(); });
        watch();
        threads.clear();  // joins
        for (; next_ < names_.size(); ++next_) report_.not_archived.emplace(names_[next_], last_why_);
        return std::move(report_);
    }

private:
    void watch() {
        std::unique_lock lock(mutex_);
        while (working_ > 0) {
            const auto until = last_success_ + order_.patience;
            if (changed_.wait_until(lock, until) == std::cv_status::no_timeout ||
                last_success_ + order_.patience > until)
                continue;
            if (working_ == 0) return;
            given_up_ = true;
            changed_.notify_all();
            lock.unlock();
            store_.cancel();
            lock.lock();
            changed_.wait(lock, [this] { return working_ == 0; });
        }
    }

    void work() {
        WalUploader uploader(store_, target_, identity_, compressors_, may_archive_);
        std::unique_lock lock(mutex_);
        while (!given_up_ && next_ < names_.size()) {
            const std::string& name = names_[next_++];
            archive(lock, uploader, name);
        }
        --working_;
        changed_.notify_all();
    }

    void archive(std::unique_lock<std::mutex>& lock, WalUploader& uploader, const std::string& name) {
        const auto parsed = wal::parse_archive_name(name);
        if (!parsed || !wal::is_of_older_timeline(name, order_.of_primary)) {
            report_.not_archived.emplace(name, "its timeline is not older than the primary's");
            return;
        }
        const std::string path = order_.data_directory + "/pg_wal/" + name;
        for (;;) {
            lock.unlock();
            const auto outcome = uploader.upload(*parsed, path, order_.cluster);
            lock.lock();
            if (outcome) return succeeded(lock, name);
            const auto kind = outcome.error().kind;
            if (kind == FaultKind::not_found) return;
            if (kind != FaultKind::cancelled) last_why_ = outcome.error().what;
            if (kind == FaultKind::unavailable && !given_up_) changed_.wait_for(lock, order_.pause);
            if (kind != FaultKind::unavailable || given_up_) {
                report_.not_archived.emplace(name, last_why_);
                return;
            }
        }
    }

    void succeeded(std::unique_lock<std::mutex>& lock, const std::string& name) {
        const std::string marked = order_.data_directory + "/pg_wal/archive_status/" + name;
        // A mark that stays costs a second look at the archive, no more.
        std::ignore = std::rename((marked + std::string(wal::ready_mark)).c_str(),
                                  (marked + std::string(wal::done_mark)).c_str());
        last_success_ = Clock::now();
        const std::size_t archived = ++report_.archived;
        lock.unlock();
        progress_(archived);
        lock.lock();
    }

    ObjectStore& store_;
    const ArchiveTarget target_;
    const LeftBehindOrder& order_;
    const std::vector<std::string>& names_;
    const std::function<void(std::size_t)>& progress_;
    IdentityCheck identity_;
    CompressorPool compressors_;
    const std::atomic<bool> may_archive_ = true;
    std::mutex mutex_;  // guards all below
    std::condition_variable changed_;
    std::size_t next_ = 0;
    std::size_t working_ = 0;
    Clock::time_point last_success_{};
    bool given_up_ = false;
    std::string last_why_ = "the store does not answer";
    LeftBehindReport report_;
};

}  // namespace

Result<std::vector<std::string>> left_behind(const std::string& data_directory) {
    const std::string directory = data_directory + "/pg_wal/archive_status";
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
    if (!open) return fail(FaultKind::unavailable, "cannot read " + directory + ": " + std::strerror(errno));
    std::vector<std::string> marks;
    while (const dirent* entry = ::readdir(open.get())) {
        if (marks.size() == wal::most_marks) break;
        marks.emplace_back(entry->d_name);
    }
    auto names = wal::still_to_archive(marks);
    std::ranges::sort(names, ArchiveOrderOfNames{});
    return names;
}

LeftBehindReport archive_left_behind(ObjectStore& store, const ArchiveTarget& target, const LeftBehindOrder& order,
                                     const std::vector<std::string>& names,
                                     const std::function<void(std::size_t archived)>& progress) {
    return Run(store, target, order, names, progress).run();
}

}  // namespace pgbosun::archive
