#include "archive/layout.hpp"

#include <array>

namespace pgbosun::archive {
namespace {

constexpr std::array all_encodings{Encoding::plain, Encoding::zstd, Encoding::gzip,  Encoding::lz4,
                                   Encoding::bzip2, Encoding::xz,   Encoding::snappy};

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

std::string_view extension(Encoding encoding) {
    switch (encoding) {
        case Encoding::plain: return "";
        case Encoding::zstd: return ".zst";
        case Encoding::gzip: return ".gz";
        case Encoding::lz4: return ".lz4";
        case Encoding::bzip2: return ".bz2";
        case Encoding::xz: return ".xz";
        case Encoding::snappy: return ".snappy";
    }
    std::unreachable();
}

Encoding encoding_of(Compression compression) {
    switch (compression) {
        case Compression::none: return Encoding::plain;
        case Compression::zstd: return Encoding::zstd;
        case Compression::gzip: return Encoding::gzip;
        case Compression::lz4: return Encoding::lz4;
    }
    std::unreachable();
}

std::string wal_key(std::string_view server, const wal::ArchiveName& name) {
    return std::string(server) + "/wals/" + directory(name) + to_string(name);
}

std::optional<Encoding> encoding_of_key(std::string_view wal_key, std::string_view object_key) {
    if (!object_key.starts_with(wal_key)) return std::nullopt;
    const auto rest = object_key.substr(wal_key.size());
    for (const auto encoding : all_encodings) {
        if (rest == extension(encoding)) return encoding;
    }
    return std::nullopt;
}

std::string identity_key(std::string_view server) { return std::string(server) + "/pgbosun/identity.json"; }

}  // namespace pgbosun::archive
