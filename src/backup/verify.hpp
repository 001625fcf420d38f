#pragma once
// Reads a backup back and says everything that is wrong with it, without writing anything.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "backup/catalog.hpp"
#include "pgbosun/job_link.hpp"

namespace pgbosun::backup {

struct VerifyOrder {
    int workers = 4;
    // What global/pg_control says; a Fault when it cannot be right.
    std::function<Result<SystemId>(std::string_view control_file)> system_id;
    std::function<void(const JobProgress&)> progress;  // as in RestoreOrder
};

inline constexpr std::size_t most_findings = 1000;  // the rest is counted

struct Verification {
    std::vector<std::string> findings;  // one line each; empty: the backup restores
    std::uint64_t files = 0, bytes = 0, stored = 0;
    std::uint64_t segments = 0;  // of WAL, from the backup's begin to its end
    bool with_manifest = false;  // else only the tars' own checksums could be compared
};

// Whatever is wrong with the backup is a finding; a Fault is that nobody can say. unavailable: the store did not answer.
// refused: the backup is not DONE, or not made of tars.
Result<Verification> verify(Catalog& catalog, const Backup& backup, const VerifyOrder& order);

}  // namespace pgbosun::backup
