#pragma once
// Decision: when the metric queries are run. Pure. A scrape is answered from memory, so they are run before it comes: once
// when PostgreSQL begins to answer, and then as often as answers may be old, for as long as somebody scrapes.

#include <optional>

#include "pgbosun/time.hpp"

namespace pgbosun::supervision {

class MetricsRhythm {
public:
    // So long after the last scrape, or after PostgreSQL began to answer, the queries rest.
    static constexpr Duration attention = std::chrono::minutes(10);

    void note_scrape(Instant now) { attended_at_ = now; }
    // Nothing is known: PostgreSQL does not answer, or other queries are to be run.
    void forget() { asked_at_.reset(); }

    // Of a PostgreSQL that answers. `oldest`: what was asked so long ago is asked again.
    [[nodiscard]] bool is_due(Duration oldest, Instant now) const;
    // Nobody has looked for long: what was found last is old.
    [[nodiscard]] bool rests(Instant now) const;
    void begin(Instant now);
    void end() { under_way_ = false; }

private:
    std::optional<Instant> asked_at_, attended_at_;
    bool under_way_ = false;
};

}  // namespace pgbosun::supervision
