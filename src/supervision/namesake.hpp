#pragma once
// Another agent of this one's name, on a copy of its volume perhaps: for a primary both are one standby, and what one has it
// takes for what the other has.

#include <optional>
#include <string>

#include "pgbosun/pg_session.hpp"
#include "pgbosun/task.hpp"

namespace pgbosun::supervision {

struct NamesakeFacts {
    bool streams = false;       // somebody streams from the primary under this name
    Duration sender_timeout{};  // of the primary: what is left of a stream that broke is gone then; zero: it may stay
};

Task<Result<NamesakeFacts>> ask_namesake(PgSession& primary, std::string name);

// Tells an agent from what a stream of our own has left behind. Looked at while nothing of ours streams.
class Namesake {
public:
    enum class Verdict { none, perhaps, stays };
    Verdict look(const NamesakeFacts& facts, Instant now);

private:
    std::optional<Instant> since_;
    Instant looked_at_{};
};

inline constexpr std::string_view namesake_reason = "another instance streams from the primary under this one's name";
inline constexpr std::string_view namesake_hint =
    "give each instance a name of its own: compare `instance` in the configurations, and look for a copy of this "
    "volume; "
    "it goes on by itself when the other one has gone";

}  // namespace pgbosun::supervision
