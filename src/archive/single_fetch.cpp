#include "archive/single_fetch.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <unistd.h>

#include "pgbosun/hook_protocol.hpp"
#include "pgbosun/log.hpp"

namespace pgbosun::archive {
namespace {

constexpr int exit_done = 0;
constexpr int exit_missing = 1;
constexpr int exit_stop_recovery = 255;

// A damaged object may be a damaged transfer; after so many attempts it is not.
constexpr int most_attempts_at_damaged = 3;

class Attempts {
public:
    Attempts(ObjectStore& store, const std::string& server, const SingleFetch& wanted, wal::ArchiveName name, Pace pace)
        : fetcher_(store, server), wanted_(wanted), name_(name), pace_(pace), policy_(policy_of(wanted.purpose)) {}

    int run() {
        const auto until = policy_.patience ? Clock::now() + *policy_.patience : Clock::time_point::max();
        auto pause = pace_.first_pause;
        for (int attempt = 1;; ++attempt) {
            const auto fetched = fetch();
            if (fetched) return exit_done;
            const Fault& fault = fetched.error();
            if (fault.kind == FaultKind::not_found) return exit_missing;
            const bool passing = fault.kind == FaultKind::unavailable;
            const bool enough = passing ? Clock::now() >= until : attempt >= most_attempts_at_damaged;
            if (attempt == 1 || enough) {
                log::error("WAL could not be fetched from the archive: " + fault.what, {{"hint", fault.hint}});
            }
            if (enough) return policy_.given_up == hook::failed ? exit_missing : exit_stop_recovery;
            rest(pause);
            pause = std::min(pause * 2, pace_.longest_pause);
        }
    }

private:
    using Clock = std::chrono::steady_clock;

    // PostgreSQL's file appears whole.
    Result<> fetch() {
        const std::string beside = wanted_.path + ".pgbosun";
        auto fetched = fetcher_.fetch(name_, beside, wanted_.expected, gone_);
        const auto* segment = std::get_if<wal::Segment>(&name_);
        const bool missing = !fetched && fetched.error().kind == FaultKind::not_found;
        if (missing && segment != nullptr && policy_.pieces == Pieces::used) {
            fetched = fetcher_.fetch_pieces(segment->name, beside, wanted_.expected, gone_);
        }
        if (!fetched) return fetched;
        return place(beside, wanted_.path);
    }

    // PostgreSQL's SIGTERM ends the process, and the wait with it.
    void rest(std::chrono::milliseconds pause) {
        std::unique_lock lock(mutex_);
        never_.wait_for(lock, pause, [] { return false; });
    }

    WalFetcher fetcher_;
    const SingleFetch& wanted_;
    const wal::ArchiveName name_;
    const Pace pace_;
    const RestorePolicy policy_;
    const std::atomic<bool> gone_ = false;
    std::mutex mutex_;
    std::condition_variable never_;
};

}  // namespace

int fetch_single(ObjectStore& store, const std::string& server, const SingleFetch& wanted, Pace pace) {
    const auto name = wal::parse_archive_name(wanted.name);
    if (!name) {
        log::error("no WAL file has such a name", {{"name", wanted.name}});
        return exit_stop_recovery;
    }
    return Attempts(store, server, wanted, *name, pace).run();
}

}  // namespace pgbosun::archive
