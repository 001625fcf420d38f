#pragma once
// Decision: which files go into which tar. A file is never split between tars; each tar is complete in
// itself.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "backup/file_list.hpp"

namespace pgbosun::backup {

struct PlannedTar {
    std::size_t tree = 0;                     // index of the FileTree
    std::optional<std::uint32_t> tablespace;  // none: the data directory
    int part = 0;                             // of the data directory's or the tablespace's tars, from 0
    std::vector<std::size_t> files;           // indexes in the tree
    bool directories = false;                 // the first tar of a tree begins with all its directories
    std::uint64_t bytes = 0;                  // of the tar, at most
    bool operator==(const PlannedTar&) const = default;

    // To read or write it, as bytes: what it takes to make a file of a restore is as much as these many bytes of one
    // (0.3 ms on ext4).
    static constexpr std::uint64_t cost_of_a_file = std::uint64_t{256} << 10;
    [[nodiscard]] std::uint64_t cost() const { return bytes + files.size() * cost_of_a_file; }
};

struct TarPlan {
    std::vector<PlannedTar> tars;  // in the order in which to begin with them
    int last_part = 0;             // the number of the data directory's last tar, which is not among `tars`
    std::uint64_t bytes = 0;       // of all files
};

struct PlannedTree {
    const FileTree* tree = nullptr;
    std::optional<std::uint32_t> tablespace;
};

struct TarLimits {
    std::uint64_t smallest = std::uint64_t{128} << 20;  // cost: below that a tar is not worth a request of its own
    std::uint64_t largest = std::uint64_t{1} << 30;     // cost: more than one file makes only up to this
    std::uint64_t most = 5000;                          // tars, as far as it goes: `largest` grows with the database
};

// The data directory is the tree without a tablespace. `global/pg_control` is left to the last tar, which is
// read when all others have been. The tars are balanced for `workers`: some for each, the costliest first, and
// within one they keep the order of the tree, which is the order on disk as far as anybody can tell.
TarPlan plan_tars(const std::vector<PlannedTree>& trees, int workers, const TarLimits& limits = {});

}  // namespace pgbosun::backup
