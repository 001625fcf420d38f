#include "supervision/work_watch.hpp"

namespace pgbosun::supervision {

void WorkWatch::look(const InstanceStatus& status, Instant now) {
    const bool counted = status.progress && (status.progress->done_bytes > 0 || status.progress->total_bytes > 0);
    if (!counted) {
        still_since_.reset();
    } else if (!still_since_ || status.progress->done_bytes != done_bytes_) {
        still_since_ = now;
    }
    done_bytes_ = counted ? status.progress->done_bytes : 0;
}

void WorkWatch::explain(InstanceStatus& status, Instant now) const {
    if (!status.reason.empty() || !status.progress || !still_since_ || now - *still_since_ < longest_stillness) return;
    status.reason = status.progress->what + " has not moved for some minutes";
    status.hint = "the primary, the archive, the network or a volume may hang; a fence ends it";
}

}  // namespace pgbosun::supervision
