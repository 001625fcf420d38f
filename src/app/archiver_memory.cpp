#include "app/archiver_memory.hpp"

#include <algorithm>
#include <utility>

namespace pgbosun::app {

void ArchiverMemory::begin_anew(Instant now) {
    began_ = now;
    inherits_ = true;
}

// A file that was archived says little as long as others wait, for they may be what fails.
bool ArchiverMemory::is_well(const ArchiveReport& report, Instant now) const {
    if (report.failing_since) return false;
    if (now - began_ < believed_after) return report.archived > 0 && report.backlog == 0;
    return report.archived > 0 || report.backlog == 0;
}

const ArchiveReport& ArchiverMemory::take(ArchiveReport report, Instant now) {
    const bool other_archive = report.target != known_.target;
    if (other_archive || is_well(report, now)) inherits_ = false;
    if (!report.last_wal && !other_archive) {
        report.last_wal = known_.last_wal;
        report.last_at = known_.last_at;
    }
    if (inherits_ && known_.failing_since) {
        if (!report.failing_since) report.last_error = known_.last_error;
        // Both are UTC and of one form.
        report.failing_since = std::min(report.failing_since.value_or(*known_.failing_since), *known_.failing_since);
    }
    known_ = std::move(report);
    return known_;
}

}  // namespace pgbosun::app
