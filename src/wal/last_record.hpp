#pragma once
// Fact: where the last record of a segment begins that is whole in it. PostgreSQL reaches a recovery target only with a record
// that begins there or behind it, so that the end of the last one is never reached.

#include <cstddef>
#include <optional>
#include <span>

#include "pgbosun/lsn.hpp"

namespace pgbosun::wal {

// `bytes`: a segment, or its begin; zeros end it too. None: no record begins and ends in it, or it is no segment.
std::optional<Lsn> last_record(std::span<const std::byte> bytes);

}  // namespace pgbosun::wal
