#pragma once
// Fact: what the name of a file in the data directory says about the pages in it (PostgreSQL:
// common/relpath.h).

#include <cstdint>
#include <optional>
#include <string_view>

namespace pgbosun::backup {

struct RelationFile {
    std::uint32_t segment = 0;  // which of the relation's segment files: "16384.2" is 2
    bool operator==(const RelationFile&) const = default;
};

// A main, free space map or visibility map fork in base/<oid>/, global/ or a tablespace's
// PG_<version>/<oid>/, the path relative to the data directory or to the tablespace's location. None: another
// file, whose pages nobody can judge.
std::optional<RelationFile> parse_relation_file(std::string_view path);

}  // namespace pgbosun::backup
