#pragma once
// What the hook asked for, read from the bytes of pgbosun/hook_protocol.hpp.

#include <string>
#include <string_view>
#include <variant>

#include "pgbosun/fault.hpp"
#include "wal/archive_name.hpp"

namespace pgbosun::archive {

struct ArchiveRequest {
    wal::ArchiveName name;  // the last part of the path
    std::string path;       // absolute
};

struct RestoreRequest {
    wal::ArchiveName name;
    std::string path;  // absolute; where PostgreSQL wants the file
};

using HookRequest = std::variant<ArchiveRequest, RestoreRequest>;

// refused: not our protocol, a name that PostgreSQL never uses, a path that is not absolute.
Result<HookRequest> parse_hook_request(std::string_view bytes);

// The exit status and the text for the hook's stderr.
struct HookAnswer {
    char status = 0;  // of pgbosun/hook_protocol.hpp
    std::string text;
    bool operator==(const HookAnswer&) const = default;
};

// As it goes over the socket; the text is cut to what the hook takes.
std::string render(const HookAnswer& answer);

}  // namespace pgbosun::archive
