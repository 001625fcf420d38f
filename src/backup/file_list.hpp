#pragma once
// Which files a base backup is made of. The decision is pure; the scan asks it for each name. PostgreSQL
// makes and removes files all the time: what vanishes between listing and asking is left out, WAL makes it
// again.

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/fault.hpp"

namespace pgbosun::backup {

enum class EntryType { file, directory, link, other };

enum class Choice {
    take,
    empty_directory,  // the directory itself, without what is in it (a link in its place becomes a directory)
    leave_out,
};

// `path`: relative to the data directory ("base/5/16384"), or to a tablespace's location
// ("PG_17_202406281/5/16384"). Left out is what a server makes anew when it starts (manual, "Making a Base
// Backup Using the Low Level API").
Choice choose_entry(std::string_view path, EntryType type);

// Of the names in one database's directory, those whose content is lost at recovery anyway: all forks but
// "_init" of unlogged relations.
std::set<std::string> unlogged_files(const std::vector<std::string>& names);

struct FileEntry {
    std::uint32_t directory = 0;  // index in FileTree::directories
    std::uint16_t mode = 0600;    // permission bits
    std::string name;
    std::uint64_t size = 0;  // when it was listed; more is not read
};

struct DirectoryEntry {
    std::string path;  // relative to the root, no '/' at the end; the root itself is ""
    std::uint16_t mode = 0700;
    std::int64_t modified = 0;  // seconds since the epoch
};

// Files below one root: the data directory, or a tablespace's location.
struct FileTree {
    std::string root;                         // absolute
    std::vector<DirectoryEntry> directories;  // a directory comes after the one it is in; the first is the root
    std::vector<FileEntry> files;
    std::vector<std::string> strange;  // neither files nor directories, left out: links, sockets

    [[nodiscard]] std::string path_of(const FileEntry& file) const;  // relative to the root
};

// `only`: names in the root to go into; empty: all. not_found: there is no such root. refused: a directory
// that must be read may not be.
Result<FileTree> scan(const std::string& root, const std::set<std::string>& only);

}  // namespace pgbosun::backup
