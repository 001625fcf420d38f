#pragma once
// Decision: who may be made primary, and who should be. Whoever is promoted must be bound by every promise
// that a former primary may still hold, and must have every commit that was acknowledged under synchronous
// replication.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/knowledge.hpp"

namespace pgbosun::controller {

// Only what was asked for after this moment counts: before it the primary may have acknowledged more.
using NotBefore = Instant;

struct Pick {
    std::optional<std::string> name;
    Chosen chosen = Chosen::from_list;
    std::string why_not;   // when there is none
    std::string foremost;  // whom that speaks against; empty: nobody can be promoted at all
};

struct Field {
    const Knowledge& known;
    const Policy& policy;
    NotBefore not_before{};
    Instant now{};
};

// What it says of its data counts, too: it does not while it has not read all of its WAL. null: it does not count.
const Seen* fresh(const Field& field, const std::string& name);

// The best of all but `except`; on equal positions the recorded primary, then who has not too much to replay, then priority, then
// who has less to replay, then name.
Pick pick(const Field& field, const std::string& except);

// What keeps `name` from being promoted; empty: nothing. The data of who has written is judged too.
std::string_view unfit(const Field& field, const std::string& name, DataLoss data_loss);

// Who of those that could be promoted holds more than `name`.
bool is_surpassed(const Field& field, const std::string& name);

// Who could take over if the primary were lost now.
struct Successors {
    std::vector<std::string> names;
    std::string why_not;  // when there are none
};
Successors successors(const Field& field);

// Who answers and holds more than `name`, but is not to be promoted: that is given up when `name` is.
struct GivenUp {
    std::string instance;
    std::optional<std::uint64_t> bytes;  // none: it is of a later term or timeline
    std::string_view why;                // it is not to be promoted
};
// The one who holds the most of them; none: nothing is known to be given up.
std::optional<GivenUp> given_up(const Field& field, const std::string& name);
// "pg-3 holds 4096 bytes more than pg-2: its priority says that it must never be primary"
std::string to_text(const GivenUp& it, const std::string& name);
// Whether max_lag has counted it, for people.
std::string_view judged_by_max_lag(const Field& field, const GivenUp& it);

}  // namespace pgbosun::controller
