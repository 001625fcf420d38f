#pragma once
// Shell: one look at the catalog of an archive, by the archiver's program.

#include <cstddef>
#include <optional>
#include <string>

#include "supervision/job_process.hpp"
#include "supervision/surroundings.hpp"

namespace pgbosun::supervision {

inline constexpr std::size_t longest_summary_line = std::size_t{4} << 20;

enum class Archive { own, source };  // source: bootstrap.recovery.source

// `process`: made for this, with that longest line; whoever has it may kill it. unavailable: the store does not answer,
// or not within `patience`.
Task<Result<CatalogSummary>> look_at_catalog(const ArchiverProgram& archiver, JobProcess& process, Duration patience,
                                             Archive archive = Archive::own);

// Why a catalog is not this instance's own: it is another cluster's archive. None: it is, as far as anybody knows.
std::optional<std::string> another_cluster(const CatalogSummary& summary, std::optional<SystemId> ours);

}  // namespace pgbosun::supervision
