#pragma once
// Shell: one WAL file out of an archive, by the archiver's program.

#include <cstddef>
#include <string>

#include "supervision/catalog_look.hpp"

namespace pgbosun::supervision {

inline constexpr std::size_t longest_fetch_line = 4096;

struct WantedWal {
    std::string name;
    std::string path;   // where it is written
    Duration patience;  // what takes longer is killed
};

// `process`: made for this, with that longest line; whoever has it may kill it. false: the archive does not have the file.
// unavailable: the archive does not answer, or the file is damaged there.
Task<Result<bool>> fetch_wal(const ArchiverProgram& archiver, JobProcess& process, Archive archive, WantedWal wanted);

}  // namespace pgbosun::supervision
