#pragma once
// Decision: whether a clone or a restore has stopped moving. It is waited for without a limit, for nobody knows how long it
// takes: a person has to see that it hangs.

#include <cstdint>
#include <optional>

#include "pgbosun/instance_status.hpp"

namespace pgbosun::supervision {

// A primary's checkpoint comes before the first byte, and a rate limit may hold one up.
inline constexpr Duration longest_stillness = std::chrono::minutes(5);

class WorkWatch {
public:
    void look(const InstanceStatus& status, Instant now);
    // Says so where nothing else is said.
    void explain(InstanceStatus& status, Instant now) const;

private:
    std::uint64_t done_bytes_ = 0;
    std::optional<Instant> still_since_;  // work whose bytes are counted is under way
};

}  // namespace pgbosun::supervision
