#include "wal/archive_name.hpp"

#include <array>
#include <cstdio>

#include "wal/hex.hpp"

namespace pgbosun::wal {
namespace {

constexpr std::size_t segment_digits = 24;

std::string digits(std::uint32_t value) {
    std::array<char, 9> text{};
    std::snprintf(text.data(), text.size(), "%08X", value);
    return text.data();
}

std::optional<ArchiveName> parse_history_name(std::string_view text) {
    const auto timeline = parse_hex8(text.substr(0, 8));
    if (!timeline || *timeline == 0 || text.substr(8) != ".history") return std::nullopt;
    return HistoryFile{Timeline{*timeline}};
}

std::optional<ArchiveName> parse_backup_name(SegmentName name, std::string_view suffix) {
    if (suffix.size() != 16 || suffix.front() != '.' || suffix.substr(9) != ".backup") return std::nullopt;
    const auto offset = parse_hex8(suffix.substr(1, 8));
    if (!offset) return std::nullopt;
    return BackupHistory{name, *offset};
}

}  // namespace

std::string to_string(const ArchiveName& name) {
    struct {
        std::string operator()(const Segment& it) const { return to_string(it.name); }
        std::string operator()(const PartialSegment& it) const { return to_string(it.name) + ".partial"; }
        std::string operator()(const HistoryFile& it) const { return digits(number(it.timeline)) + ".history"; }
        std::string operator()(const BackupHistory& it) const {
            return to_string(it.name) + "." + digits(it.offset) + ".backup";
        }
    } text;
    return std::visit(text, name);
}

std::optional<ArchiveName> parse_archive_name(std::string_view text) {
    if (text.size() == 16) return parse_history_name(text);
    const auto name = parse_segment_name(text.substr(0, segment_digits));
    if (!name) return std::nullopt;
    const auto suffix = text.substr(segment_digits);
    if (suffix.empty()) return Segment{*name};
    if (suffix == ".partial") return PartialSegment{*name};
    return parse_backup_name(*name, suffix);
}

Timeline timeline_of(const ArchiveName& name) {
    struct {
        Timeline operator()(const Segment& it) const { return it.name.timeline; }
        Timeline operator()(const PartialSegment& it) const { return it.name.timeline; }
        Timeline operator()(const HistoryFile& it) const { return it.timeline; }
        Timeline operator()(const BackupHistory& it) const { return it.name.timeline; }
    } timeline;
    return std::visit(timeline, name);
}

}  // namespace pgbosun::wal
