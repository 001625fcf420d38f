#include "backup/layout.hpp"
#include "backup/backup_claim.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace pgbosun::backup {
namespace {

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
    Number value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// "data" or an oid, then "_0001".
std::optional<TarName> parse_stem(std::string_view stem) {
    TarName name;
    if (const auto line = stem.find('_'); line != std::string_view::npos) {
        const auto part = parse_number<int>(stem.substr(line + 1));
        if (!part || *part <= 0) return std::nullopt;
        name.part = *part;
        stem = stem.substr(0, line);
    }
    if (stem == "data") return name;
    const auto oid = parse_number<std::uint32_t>(stem);
    if (!oid || *oid == 0) return std::nullopt;
    name.tablespace = oid;
    return name;
}

}  // namespace

std::string base_prefix(std::string_view server, Kind kind) {
    return std::string(server) + (kind == Kind::full ? "/base/" : "/incremental/");
}

std::string backup_prefix(std::string_view server, const BackupId& id, Kind kind) {
    return base_prefix(server, kind) + id.text() + "/";
}

std::string backup_info_key(std::string_view server, const BackupId& id, Kind kind) {
    return backup_prefix(server, id, kind) + "backup.info";
}

std::string claim_key(std::string_view server, const BackupId& id, Kind kind) {
    return backup_prefix(server, id, kind) + std::string(claim_name);
}

std::string keep_key(std::string_view server, const BackupId& id, Kind kind) {
    return backup_prefix(server, id, kind) + "annotations/keep";
}

std::string manifest_key(std::string_view server, const BackupId& id, Kind kind) {
    return backup_prefix(server, id, kind) + "backup_manifest.zst";
}

std::string to_string(const TarName& name) {
    std::string text = name.tablespace ? std::to_string(*name.tablespace) : "data";
    if (name.part > 0) {
        std::array<char, 16> part{};
        std::snprintf(part.data(), part.size(), "_%04d", name.part);
        text += part.data();
    }
    return text + ".tar" + std::string(archive::extension(name.encoding));
}

std::optional<TarName> parse_tar_name(std::string_view text) {
    const auto dot = text.find(".tar");
    if (dot == std::string_view::npos) return std::nullopt;
    auto name = parse_stem(text.substr(0, dot));
    if (!name) return std::nullopt;
    name->encoding = codec::encoding_of_name(text);
    // As it would be written: no leading zeros, no sign, nothing behind.
    return to_string(*name) == text ? name : std::nullopt;
}

}  // namespace pgbosun::backup
