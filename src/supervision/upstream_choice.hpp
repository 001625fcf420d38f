#pragma once
// Decision: whether a standby streams from the upstream that was named for it, or past it from the primary itself, for nobody
// may lead who would name another. Pure.

#include <optional>

#include "pgbosun/time.hpp"

namespace pgbosun::supervision {

class UpstreamChoice {
public:
    // Of a running standby that has an upstream beside the primary. Answers whether the choice has changed: after `patience`
    // without a stream it tries the other of the two; and the one that was named when a stream past it has ended.
    bool look(bool streams, Duration patience, Instant now);
    // A controller has spoken.
    void named() { past_it_ = false; }
    [[nodiscard]] bool past_it() const { return past_it_; }

private:
    bool past_it_ = false;
    bool streamed_ = false;
    std::optional<Instant> silent_since_;
    Instant looked_at_{};
};

}  // namespace pgbosun::supervision
