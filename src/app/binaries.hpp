#pragma once
// Which PostgreSQL to run.

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "pgbosun/fault.hpp"

namespace pgbosun::app {

// What a directory must have to be chosen. A link to one of them in a directory of mixed programs is no installation.
inline constexpr std::array<const char*, 3> required_programs = {"postgres", "initdb", "pg_basebackup"};

struct BinaryPlaces {
    std::string configured;              // postgresql.bin_dir; empty: not given
    std::optional<std::string> in_path;  // the first directory of PATH that has them, when there is one
    std::vector<std::string> installed;  // directories "/usr/lib/postgresql/<version>/bin" that have them
};

// The configured one, whatever is in it; else the one in PATH; else the newest installed. not_found: none.
Result<std::string> choose_bin_dir(const BinaryPlaces& places);

// The directories of PATH, absolute ones only: an empty or relative part would mean the working directory.
std::vector<std::string> path_directories(const std::string& path);

}  // namespace pgbosun::app
