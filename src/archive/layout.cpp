#include "archive/layout.hpp"

namespace pgbosun::archive {
namespace {

std::string directory(const wal::ArchiveName& name) {
    struct {
        std::string operator()(const wal::Segment& it) const { return hash_directory(it.name) + "/"; }
        std::string operator()(const wal::PartialSegment& it) const { return hash_directory(it.name) + "/"; }
        std::string operator()(const wal::BackupHistory& it) const { return hash_directory(it.name) + "/"; }
        std::string operator()(const wal::HistoryFile&) const { return {}; }
    } below;
    return std::visit(below, name);
}

}  // namespace

std::string wal_key(std::string_view server, const wal::ArchiveName& name) {
    return std::string(server) + "/wals/" + directory(name) + to_string(name);
}

std::optional<Encoding> encoding_of_key(std::string_view wal_key, std::string_view object_key) {
    if (!object_key.starts_with(wal_key)) return std::nullopt;
    const auto rest = object_key.substr(wal_key.size());
    if (rest.empty()) return Encoding::plain;
    const auto encoding = codec::encoding_of_name(rest);
    return rest == extension(encoding) ? std::optional(encoding) : std::nullopt;
}

std::string identity_key(std::string_view server) { return std::string(server) + "/pgbosun/identity.json"; }

}  // namespace pgbosun::archive
