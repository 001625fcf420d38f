#include "supervision/upstream_choice.hpp"

#include <utility>

namespace pgbosun::supervision {

bool UpstreamChoice::look(bool streams, Duration patience, Instant now) {
    // It did not run meanwhile, or had no upstream.
    if (now - std::exchange(looked_at_, now) > patience) silent_since_.reset();
    if (streams) {
        streamed_ = true;
        silent_since_.reset();
        return false;
    }
    const bool ended = std::exchange(streamed_, false);
    if (!silent_since_) silent_since_ = now;
    if (past_it_ && ended) {
        past_it_ = false;
        return true;
    }
    if (now - *silent_since_ <= patience) return false;
    silent_since_ = now;
    past_it_ = !past_it_;
    return true;
}

}  // namespace pgbosun::supervision
