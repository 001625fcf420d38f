#pragma once
// Decision: how far a primary has taken over the rule of synchronous replication that a controller gave it. Pure.

#include <optional>
#include <string>

#include "pgbosun/assignment.hpp"
#include "postgres/server_facts.hpp"

namespace pgbosun::supervision {

// PostgreSQL's value of synchronous_standby_names for a rule, on `primary`.
std::string synchronous_value(const SynchronousRule& rule, const std::string& primary);

class SynchronousUpkeep {
public:
    // What the server says, newest last.
    void look(const SynchronousRule& rule, const std::string& primary, const postgres::ServerFacts& facts);
    void forget() { *this = {}; }
    // The version that is in force, with a quorum of its standbys holding all that was there before it.
    [[nodiscard]] std::optional<std::uint64_t> taken_over() const { return taken_over_; }

private:
    std::optional<std::uint64_t> seen_;  // in force when last looked
    std::optional<Lsn> since_;           // the end of WAL at the look after that
    std::optional<std::uint64_t> taken_over_;
};

}  // namespace pgbosun::supervision
