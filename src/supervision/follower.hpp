#pragma once
// Compares the WAL of a running standby with that of the primary that it is to follow. Control thread.
//
// PostgreSQL takes an equal timeline for an equal history. So a standby is told of a primary only when this has said that
// it may follow it.

#include <string>

#include "instance/rejoin.hpp"
#include "postgres/control_data.hpp"
#include "supervision/namesake.hpp"
#include "supervision/surroundings.hpp"

namespace pgbosun::supervision {

struct Comparison {
    instance::RejoinPlan plan;
    instance::LocalData local;
    instance::Upstream upstream;
    NamesakeFacts namesake;
};

// unavailable: one of the two does not answer, or there is no primary yet. `control`: of the local data directory. `name`:
// under which this instance streams.
Task<Result<Comparison>> compare_with_primary(Surroundings& outside, const postgres::ControlData& control,
                                              std::string conninfo, std::string name);

}  // namespace pgbosun::supervision
