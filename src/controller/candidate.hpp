#pragma once
// Decision: who may be made primary, and who should be. Whoever is promoted must be bound by every promise
// that a former primary may still hold, and must have every commit that was acknowledged under synchronous
// replication.

#include <optional>
#include <string>

#include "controller/knowledge.hpp"

namespace pgbosun::controller {

// Only what was asked for after this moment counts: before it the primary may have acknowledged more.
using NotBefore = Instant;

struct Pick {
    std::optional<std::string> name;
    Chosen chosen = Chosen::from_list;
    std::string_view why_not;  // when there is none
};

struct Field {
    const Knowledge& known;
    const Policy& policy;
    NotBefore not_before{};
    Instant now{};
};

// The best of all but `except`; on equal positions the recorded primary, then priority, then who has less to replay, then name.
Pick pick(const Field& field, const std::string& except);

// What keeps `name` from being promoted; empty: nothing. The data of who has written is judged too.
std::string_view unfit(const Field& field, const std::string& name, DataLoss data_loss);

// Who of those that could be promoted holds more than `name`.
bool is_surpassed(const Field& field, const std::string& name);

}  // namespace pgbosun::controller
