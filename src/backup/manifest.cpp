#include "backup/manifest.hpp"

#include <array>
#include <cassert>
#include <cstdio>
#include <utility>

#include "backup/timestamp.hpp"
#include "backup/utf8.hpp"

namespace pgbosun::backup {
namespace {

// As PostgreSQL's escape_json().
std::string json_string(std::string_view text) {
    std::string out = "\"";
    for (const char letter : text) {
        switch (letter) {
            case '\b': out += "\\b"; break;
            case '\f': out += "\\f"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            case '"': out += "\\\""; break;
            case '\\': out += "\\\\"; break;
            default:
                if (static_cast<unsigned char>(letter) < ' ') {
                    std::array<char, 8> escape{};
                    std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(letter));
                    out += escape.data();
                } else {
                    out += letter;
                }
        }
    }
    return out + '"';
}

void append_hex(std::string& text, unsigned char byte) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
}

std::string path_field(std::string_view path) {
    if (is_utf8(path)) return "\"Path\": " + json_string(path);
    std::string text = "\"Encoded-Path\": \"";
    for (const char byte : path) append_hex(text, static_cast<unsigned char>(byte));
    return text + '"';
}

std::string checksum_fields(std::uint32_t crc32c) {
    std::string text = R"(, "Checksum-Algorithm": "CRC32C", "Checksum": ")";
    for (int byte = 0; byte < 4; ++byte) append_hex(text, static_cast<unsigned char>(crc32c >> (8 * byte) & 0xFF));
    return text + '"';
}

std::string to_string(const WalRange& range) {
    return "{ \"Timeline\": " + std::to_string(number(range.timeline)) + ", \"Start-LSN\": \"" +
           pgbosun::to_string(range.start) + "\", \"End-LSN\": \"" + pgbosun::to_string(range.end) + "\" }";
}

}  // namespace

ManifestWriter::ManifestWriter(int version, std::optional<SystemId> system_id, Sink sink) : sink_(std::move(sink)) {
    assert(version == 1 || (version == 2 && system_id));
    head_ = "{ \"PostgreSQL-Backup-Manifest-Version\": " + std::to_string(version) + ",\n";
    if (version == 2) head_ += "\"System-Identifier\": " + std::to_string(number(*system_id)) + ",\n";
    head_ += "\"Files\": [";
}

Result<> ManifestWriter::write(std::string_view piece) {
    digest_.update(piece);
    return sink_(piece);
}

Result<> ManifestWriter::add(const ManifestFile& file) {
    std::string piece = std::exchange(first_, false) ? std::exchange(head_, {}) + "\n" : ",\n";
    piece += "{ " + path_field(file.path) + ", \"Size\": " + std::to_string(file.size) + ", \"Last-Modified\": \"" +
             to_gmt(file.modified) + '"';
    if (file.crc32c) piece += checksum_fields(*file.crc32c);
    return write(piece + " }");
}

Result<> ManifestWriter::finish(const std::vector<WalRange>& wal_ranges) {
    std::string piece = std::exchange(head_, {}) + "\n],\n\"WAL-Ranges\": [";
    bool first = true;
    for (const auto& range : wal_ranges) piece += (std::exchange(first, false) ? "\n" : ",\n") + to_string(range);
    if (auto written = write(piece + "\n],\n"); !written) return written;
    return sink_("\"Manifest-Checksum\": \"" + digest_.hex() + "\"}\n");
}

std::string render(const Manifest& manifest) {
    std::string text;
    ManifestWriter writer(manifest.version, manifest.system_id, [&text](std::string_view piece) -> Result<> {
        text += piece;
        return {};
    });
    // A sink that takes everything.
    for (const auto& file : manifest.files) std::ignore = writer.add(file);
    std::ignore = writer.finish(manifest.wal_ranges);
    return text;
}

}  // namespace pgbosun::backup
