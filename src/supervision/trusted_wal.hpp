#pragma once
// WAL that a standby is about to have for itself. PostgreSQL marks what a standby streams as archived (.done), for it trusts
// the primary; when that is dead nobody knows. So a promotion has all of it archived (.ready): equal content that is in the
// archive already is acknowledged. Segments of timelines before that never became whole are marked as archived. Control thread.
//
// Before pg_promote, for the checkpoint at the end of recovery recycles what is marked as archived, while a standby's
// restartpoints do not look at the marks. After recovery once more, for what became whole in between. A promotion neither waits
// long for it nor fails by it.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "supervision/broadcast.hpp"
#include "supervision/surroundings.hpp"
#include "wal/archive_marks.hpp"

namespace pgbosun::supervision {

class TrustedWal {
public:
    using Record = std::function<void(std::string what, std::vector<std::pair<std::string, std::string>> facts)>;

    // `settings` is read anew each time; without an archive nothing is done.
    TrustedWal(Surroundings& outside, const Settings& settings, Record record);

    // Before a promotion: marks what this standby has. `known`: the timeline, where pg_wal does not say it.
    void begin(Timeline known, std::uint32_t segment_bytes);
    // Returns when that is over, or after 100 ms: on a disk that answers it takes a few. It then goes on by itself.
    Task<> wait();

    // After recovery: marks what the promoted standby had when it was promoted.
    Task<> finish(PgSession& session, std::uint32_t segment_bytes);

private:
    Task<> mark_of_standby(Timeline known, std::uint32_t segment_bytes);
    Task<> mark(Result<wal::Reach> reach, std::uint32_t segment_bytes);
    Task<Result<>> rename(wal::Reach reach, wal::SegmentSize size);
    Task<Result<>> mark_unmarked(wal::Reach reach, wal::SegmentSize size);
    void tell(std::size_t files, const std::string& first, const std::string& last);

    Surroundings& outside_;
    const Settings& settings_;
    Record record_;
    Broadcast marked_;
    bool marking_ = false;
};

}  // namespace pgbosun::supervision
