#include "codec/compression.hpp"

#include <array>
#include <string>
#include <utility>

namespace pgbosun::codec {
namespace {

constexpr std::array<std::pair<std::string_view, Compression>, 3> extensions{
    {{".zst", Compression::zstd}, {".gz", Compression::gzip}, {".lz4", Compression::lz4}}};
constexpr std::array<std::string_view, 3> foreign_extensions{".bz2", ".xz", ".snappy"};

}  // namespace

std::string_view extension(Compression compression) {
    for (const auto& [text, meant] : extensions) {
        if (meant == compression) return text;
    }
    return "";
}

Result<Compression> compression_of_name(std::string_view name) {
    for (const auto& [text, meant] : extensions) {
        if (name.ends_with(text)) return meant;
    }
    for (const auto text : foreign_extensions) {
        if (!name.ends_with(text)) continue;
        return fail(FaultKind::refused, std::string(name) + ": compression " + std::string(text) + " cannot be read",
                    "decompress the object, or compress it anew with zstd, gzip or lz4");
    }
    return Compression::none;
}

std::string_view without_extension(std::string_view name) {
    for (const auto& [text, meant] : extensions) {
        if (name.ends_with(text)) return name.substr(0, name.size() - text.size());
    }
    return name;
}

}  // namespace pgbosun::codec
