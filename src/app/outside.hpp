#pragma once
// What a configuration refers to, as a command asks before anything runs. Every call may block on a disk: for
// the start and for client commands, never for a running PID 1.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/file_system.hpp"

namespace pgbosun::app {

enum class Permission { read, write, execute };

struct PathFacts {
    FileType type = FileType::regular;
    std::uint32_t mode = 0;  // permission bits
};

class Outside {
public:
    virtual ~Outside() = default;

    // The whole file. not_found; refused when it is larger than `limit` bytes or not readable.
    virtual Result<std::string> read(const std::string& path, std::size_t limit) const = 0;
    // Follows links; none: it is not there, or cannot be seen.
    virtual std::optional<PathFacts> inspect(const std::string& path) const = 0;
    // Whether this process may, by its effective ids.
    virtual bool may(Permission permission, const std::string& path) const = 0;
    // Names without "." and "..", sorted, at most 1,000; empty when it cannot be listed.
    virtual std::vector<std::string> list(const std::string& directory) const = 0;
};

}  // namespace pgbosun::app
