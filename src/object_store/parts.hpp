#pragma once
// The rules of parted uploads that hold for every store. Pure.

#include <cstdint>
#include <map>

#include "pgbosun/fault.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::object_store {

// refused: smaller than every store takes.
Result<> check_part_size(std::uint64_t part_size);

// refused: a number that is not from 1 to most_parts, no bytes, more bytes than a part has.
Result<> check_part(int number, std::uint64_t size, std::uint64_t part_size);

// The object's size, from the sizes of what was put. refused: one of the parts 1 to `parts` is missing, or
// one that is not the last is short.
Result<std::uint64_t> check_parts(const std::map<int, std::uint64_t>& sizes, int parts, std::uint64_t part_size);

}  // namespace pgbosun::object_store
