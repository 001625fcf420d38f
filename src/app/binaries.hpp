#pragma once
// Which PostgreSQL to run.

#include <optional>
#include <string>
#include <vector>

#include "pgbosun/fault.hpp"

namespace pgbosun::app {

struct BinaryPlaces {
    std::string configured;              // postgresql.bin_dir; empty: not given
    std::optional<std::string> in_path;  // the directory of PATH that has postgres, when there is one
    std::vector<std::string> installed;  // directories "/usr/lib/postgresql/<version>/bin" that have postgres
};

// The configured one, whatever is in it; else the one in PATH; else the newest installed. not_found: none.
Result<std::string> choose_bin_dir(const BinaryPlaces& places);

// The directories of PATH, absolute ones only: an empty or relative part would mean the working directory.
std::vector<std::string> path_directories(const std::string& path);

}  // namespace pgbosun::app
