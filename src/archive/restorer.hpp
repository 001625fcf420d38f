#pragma once
// WAL back: brings what restore_command asks for, and fetches the following segments ahead of it.
//
// The answer '1' ("no such file") is given at once only when the store has said so; anything else is tried again until
// the asker's patience ends (restore_policy.hpp). Files fetched ahead lie verified under their names in a directory of
// ours, on the data directory's file system where possible, and are renamed into place. Those of a former life are
// removed at the start, those that nobody asks for after a minute.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "archive/archiver.hpp"
#include "archive/hook_request.hpp"
#include "archive/prefetch_window.hpp"
#include "archive/restore_policy.hpp"
#include "archive/wal_fetcher.hpp"
#include "pgbosun/archive_link.hpp"

namespace pgbosun::archive {

class Restorer {
public:
    using Later = std::function<void(HookAnswer)>;
    struct Asked {
        Ticket ticket{};
        std::optional<std::chrono::milliseconds> patience;  // then call give_up; none: when the asker has gone
    };

    // Threads are started with the first request: a primary needs none.
    Restorer(ObjectStore& store, std::string server, std::string directory, int workers, Pace pace,
             std::function<void()> changed);
    ~Restorer();
    Restorer(const Restorer&) = delete;
    Restorer& operator=(const Restorer&) = delete;

    void obey(const ArchiveOrder& order);

    // `later` is called once, on a worker thread or before ask() returns, unless give_up() comes first; it must not
    // call back. It is not called by finish(): the hook then sees the connection end and asks the next archiver.
    Asked ask(const RestoreRequest& request, Later later);
    // The asker's patience is over, or it has gone: the transfer ends. None: it has been answered already.
    std::optional<HookAnswer> give_up(Ticket ticket);

    // Who still waits is told that it got nothing, as long as the last order says that it is being promoted: it asked before
    // that, with more patience. A timeline's number may then be one that the archive has, which a later archiving says.
    void hurry();

    [[nodiscard]] std::uint64_t restored() const;
    // What keeps askers waiting: since when, ISO 8601, and why. None: nothing does.
    struct Trouble {
        std::string since;
        std::string why;
        bool operator==(const Trouble&) const = default;
    };
    [[nodiscard]] std::optional<Trouble> trouble() const;
    // The segment that was asked for last and is not in the archive; none: the last one was there.
    [[nodiscard]] std::optional<std::string> awaited() const;
    // Segments that lie ready. For tests and people.
    [[nodiscard]] std::size_t prefetched() const;

    // Ends every transfer; the store must have been cancelled for this to be quick. Nothing may be asked afterwards.
    void finish();

private:
    using Clock = std::chrono::steady_clock;
    using Gone = std::shared_ptr<std::atomic<bool>>;  // owners: the request and the job that works for it

    struct Waiting {
        RestoreRequest request;
        Later later;
        RestorePolicy policy;
        Gone gone;
        std::optional<wal::WalSegment> segment;
        std::optional<Fault> fault;  // of the last attempt
        Clock::time_point not_before{};
        Clock::duration pause{};
        int attempts = 0;
        bool under_way = false;
    };
    enum class Ahead { queued, fetching, ready };
    struct FetchAsked {
        Ticket ticket;
        Pieces pieces;
    };
    struct FetchAhead {
        wal::WalSegment segment;
    };
    struct FetchHistory {
        Timeline timeline;
    };  // to learn where its parent was left
    struct Job {
        std::variant<FetchAsked, FetchAhead, FetchHistory> what;
        wal::ArchiveName name;
        std::string path;  // to fetch to
        ExpectedWal expected;
        Gone gone;
    };
    struct Outcome {
        Result<> fetched;
        std::optional<wal::TimelineHistory> history;  // of a history file
    };
    using Place = std::map<Ticket, Waiting>::iterator;

    void work();
    Outcome carry_out(const Job& job, WalFetcher& fetcher);
    std::optional<Job> next_job();
    std::optional<Job> job_for_asked();
    std::optional<Job> job_ahead();
    Job make_job(std::variant<FetchAsked, FetchAhead, FetchHistory> what, wal::ArchiveName name, Gone gone);
    void settle(const Job& job, const FetchAsked& what, Outcome outcome);
    void settle(const Job& job, const FetchAhead& what, Outcome outcome);
    void settle(const Job& job, const FetchHistory& what, Outcome outcome);
    void failed(Place waiting, Fault fault);
    void note_trouble(const RestoreRequest& request, const Fault& fault);
    // Under the lock, so that a file never appears for an asker that has gone: PostgreSQL asks for one file after the
    // other under the same path.
    bool deliver(Place waiting, const std::string& file);
    void answer(Place waiting, const HookAnswer& answer);
    void plan(wal::WalSegment served);
    void forget_ahead(const std::vector<wal::WalSegment>& but);
    void rest(std::unique_lock<std::mutex>& lock);
    [[nodiscard]] Purpose purpose() const;
    [[nodiscard]] std::string file_of(wal::WalSegment segment) const;
    [[nodiscard]] std::optional<wal::WalSegment> segment_in(const wal::ArchiveName& name) const;

    ObjectStore& store_;
    const std::string server_;
    const std::string directory_;
    const int worker_count_;
    const Pace pace_;
    const std::function<void()> changed_;

    mutable std::mutex mutex_;  // guards all below
    std::condition_variable wake_;
    std::string data_directory_;
    ExpectedWal expected_;
    std::map<Ticket, Waiting> waiting_;
    std::uint64_t last_ticket_ = 0;
    std::uint64_t last_file_ = 0;
    std::map<wal::WalSegment, Ahead> ahead_;
    std::map<std::string, Clock::time_point> missing_;  // said so by the store, not longer ago than a second
    std::map<Timeline, Clock::time_point> history_asked_;
    KnownForks forks_;
    PrefetchWindow window_;
    Clock::time_point last_asked_{};
    bool promoting_ = false;
    std::optional<Clock::time_point> held_up_at_;  // by a store that did not answer
    Gone finishing_ = std::make_shared<std::atomic<bool>>(false);
    std::uint64_t restored_ = 0;
    std::optional<std::string> awaited_;
    std::optional<Trouble> trouble_;
    Clock::time_point trouble_at_{};  // when it was met last
    std::minstd_rand jitter_{std::random_device{}()};
    std::vector<std::thread> workers_;
};

}  // namespace pgbosun::archive
