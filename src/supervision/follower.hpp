#pragma once
// Compares the WAL of a running standby with that of the primary, or in the archive, that it is to follow. Control thread.
//
// PostgreSQL takes an equal timeline for an equal history. So a standby is told of a primary only when this has said that
// it may follow it.

#include <string>

#include "instance/rejoin.hpp"
#include "postgres/control_data.hpp"
#include "supervision/namesake.hpp"
#include "supervision/source_archive.hpp"
#include "supervision/surroundings.hpp"

namespace pgbosun::supervision {

struct Comparison {
    instance::RejoinPlan plan;
    instance::LocalData local;
    instance::Upstream upstream;
    NamesakeFacts namesake;
    // With an archive: what is to be replayed next is not in it, and never will be; and a copy can be made of it.
    bool lost = false, copyable = true;
};

// unavailable: one of the two does not answer, or there is no primary yet. `control`: of the local data directory. `name`:
// under which this instance streams.
Task<Result<Comparison>> compare_with_primary(Surroundings& outside, const postgres::ControlData& control,
                                              std::string conninfo, std::string name);

// The same with the archive that the cluster follows.
Task<Result<Comparison>> compare_with_archive(Surroundings& outside, SourceArchive& source, const Settings& settings,
                                              const postgres::ControlData& control);

}  // namespace pgbosun::supervision
