#pragma once
// Shell: the WAL that a plan has no use for, segments and what was streamed of them.

#include <cstdint>
#include <optional>

#include "backup/catalog_commands.hpp"

namespace pgbosun::backup {

// How many files it is; in a dry run they stay. None of a plan: none may go.
Result<std::uint64_t> remove_wal(Catalog& catalog, const std::optional<WalExpiry>& plan, DryRun dry_run);

}  // namespace pgbosun::backup
