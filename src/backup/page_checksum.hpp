#pragma once
// Decision: whether a page of a relation is what PostgreSQL wrote. The checksum is defined by PostgreSQL's
// storage/checksum.h: FNV-1a of 32-bit words in 32 lanes, with a shifted copy mixed in; folded, mixed with
// the block's number and reduced to 16 bits, never 0. Compiled for speed: 32 lanes are what vector units
// like.

#include <cstddef>
#include <cstdint>
#include <span>

#include "pgbosun/lsn.hpp"

namespace pgbosun::backup {

inline constexpr std::size_t page_size = 8192;  // bytes; others are not checked

using Page = std::span<const std::byte, page_size>;

// `block`: the page's number in its relation's fork, over all segments.
std::uint16_t page_checksum(Page page, std::uint32_t block);

enum class PageVerdict {
    good,     // its checksum is right, or it is all zeros: PostgreSQL extended the relation and has not used it
              // yet
    changed,  // wrong, but it was written at or after `start`: perhaps it was read while it was written, and
              // WAL replaces it as a whole at the backup's recovery
    bad,
};

// `start`: where the backup's recovery begins.
PageVerdict check_page(Page page, std::uint32_t block, Lsn start);

// pd_lsn.
Lsn page_lsn(Page page);

}  // namespace pgbosun::backup
