#pragma once
// WAL out: uploads what PostgreSQL asks for, and ahead of it what waits in archive_status, with a few threads.
//
// What an answer '0' promises: an object with the file's content is durable in the store. Acknowledgements of files
// uploaded ahead are kept in memory only; after a crash of ours the conditional PUT finds the equal object.
//
// While the store does not answer, everything waits and is tried again, the oldest first, with growing pauses; a
// request then ends with '1' when its asker's patience ends (service.hpp) and PostgreSQL asks again. A file that must
// not be archived (other content is there, another cluster's WAL, a damaged segment) is answered '1' at once, and
// nothing is uploaded ahead as long as it waits: where somebody else writes to this archive, we add nothing unasked.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "archive/hook_request.hpp"
#include "archive/identity.hpp"
#include "archive/ready_queue.hpp"
#include "archive/wal_uploader.hpp"
#include "pgbosun/archive_link.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::archive {

// Pauses; tests make them short.
struct Pace {
    std::chrono::milliseconds first_pause{200};  // after the store did not answer; doubles
    std::chrono::milliseconds longest_pause{5'000};
    std::chrono::milliseconds between_looks{10'000};  // at archive_status, when nobody asks
    std::chrono::milliseconds slow{60'000};           // an upload that takes longer is told as a failure
    // Then PostgreSQL logs that the archive is not reached, and asks again a second later.
    std::chrono::milliseconds patience{30'000};
    // While PostgreSQL is being stopped: it asks three times before it ends. What it leaves is archived after its next start.
    std::chrono::milliseconds last_patience{2'000};
};

enum class Ticket : std::uint64_t {};

class Archiver {
public:
    using Later = std::function<void(HookAnswer)>;

    // `compressing` segments are compressed at a time, while as many again are on their way to the store: twice as many
    // threads. `changed` is called on any thread whenever report() has changed. `store` must outlive it.
    Archiver(ObjectStore& store, const ArchiveTarget& target, int compressing, Pace pace,
             std::function<void()> changed);
    ~Archiver();
    Archiver(const Archiver&) = delete;
    Archiver& operator=(const Archiver&) = delete;

    // Called under a lock on a worker thread for each file that has become durable; it must not call back. Set it
    // before anything is asked.
    void on_archived(std::function<void(const std::string& name)> call) { on_archived_ = std::move(call); }

    // Until the first one every request is answered "not yet".
    void obey(ArchiveOrder order);

    // An answer that is at hand (one stat, no wait for a thread), or a ticket: `later` is then called once, on a
    // worker thread or from obey() or finish(), unless withdraw() comes first; it must not call back.
    std::variant<HookAnswer, Ticket> ask(const ArchiveRequest& request, Later later);
    // How long whoever asks is to wait at most, as it is now.
    [[nodiscard]] std::chrono::milliseconds patience() const;
    // The asker has gone or has lost patience: why its file is not archived yet. The upload goes on.
    std::string withdraw(Ticket ticket);

    // An upload that is under way for long is told as a failure: a store may hang without an answer.
    [[nodiscard]] ArchiveReport report() const;

    // Takes nothing new, waits for the uploads under way, at most until `deadline`; then the store is cancelled.
    // Those who still wait are answered '1'. Nothing may be asked afterwards.
    void finish(std::chrono::steady_clock::time_point deadline);

private:
    using Clock = std::chrono::steady_clock;
    struct Waiter {
        std::string name;
        std::string path;
        Later later;
    };
    struct Job {
        std::string name;
        std::string path;
        ClusterIdentity cluster;
        std::uint64_t epoch;
    };
    struct UnderWay {
        Clock::time_point began;
        std::string since;
    };
    // The oldest trouble that is not over.
    struct Failing {
        std::string name;
        Fault fault;
        std::string since;
    };

    void work();
    std::optional<Job> next_job();
    [[nodiscard]] bool is_time_to_look() const;
    void look(std::unique_lock<std::mutex>& lock);
    void rest(std::unique_lock<std::mutex>& lock);
    void settle(const Job& job, Result<Uploaded> outcome);
    void succeeded(const Job& job, const Uploaded& uploaded);
    void failed(const Job& job, Fault fault);
    void pause();
    void answer_all(const std::string& name, const HookAnswer& answer);
    void answer_unchanged(const std::string& name, const FileIdentity& identity);
    // Why nothing may be archived now.
    [[nodiscard]] std::optional<std::string> refusal() const;
    [[nodiscard]] bool is_asked(const std::string& name) const;
    [[nodiscard]] ReadyQueue::Ahead ahead() const;

    ObjectStore& store_;
    const ArchiveTarget target_;
    const Pace pace_;
    const std::function<void()> changed_;
    std::function<void(const std::string&)> on_archived_;
    IdentityCheck identity_;
    CompressorPool compressors_;
    std::atomic<bool> may_archive_ = false;

    mutable std::mutex mutex_;  // guards all below
    std::condition_variable wake_;
    std::condition_variable idle_;
    ReadyQueue queue_;
    std::optional<ArchiveOrder> order_;
    std::optional<ClusterIdentity> cluster_;
    std::uint64_t epoch_ = 0;  // of cluster_ and data directory
    std::map<Ticket, Waiter> waiters_;
    std::uint64_t last_ticket_ = 0;
    std::map<std::string, UnderWay> under_way_;
    std::optional<Failing> failing_;
    ArchiveReport report_;
    Clock::time_point next_look_{};
    Clock::time_point rest_until_{};
    Clock::duration pause_{};
    std::minstd_rand jitter_{std::random_device{}()};
    bool looking_ = false;
    bool finishing_ = false;
    int busy_ = 0;
    std::vector<std::thread> workers_;
};

}  // namespace pgbosun::archive
