#include "backup/backup_label.hpp"

#include <charconv>

namespace pgbosun::backup {
namespace {

std::unexpected<Fault> malformed(std::string_view what) {
    return fail(FaultKind::corrupt, "backup_label: " + std::string(what),
                "this backup cannot be restored with it; choose another one");
}

// Takes whole lines off the front of the text.
class Lines {
public:
    explicit Lines(std::string_view text) : rest_(text) {}

    // What follows `key` in the next line; none, and nothing is taken, when that is another line or not a
    // whole one.
    std::optional<std::string_view> value(std::string_view key) {
        const auto end = rest_.find('\n');
        if (end == std::string_view::npos || !rest_.starts_with(key) || key.size() > end) return std::nullopt;
        const auto value = rest_.substr(key.size(), end - key.size());
        rest_.remove_prefix(end + 1);
        return value;
    }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }

private:
    std::string_view rest_;
};

std::optional<Timeline> parse_timeline(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value == 0) return std::nullopt;
    return Timeline{value};
}

// "0/2000028 (file 000000010000000000000002)"
bool read_start(Lines& lines, BackupLabel& label) {
    const auto value = lines.value("START WAL LOCATION: ");
    if (!value || !value->ends_with(")")) return false;
    constexpr std::string_view between = " (file ";
    const auto gap = value->find(between);
    if (gap == std::string_view::npos) return false;
    const auto lsn = parse_lsn(value->substr(0, gap));
    auto file = value->substr(gap + between.size());
    file.remove_suffix(1);
    const auto name = wal::parse_segment_name(file);
    if (!lsn || !name) return false;
    label.start = *lsn;
    label.start_file = *name;
    return true;
}

Result<> read_incremental(Lines& lines, BackupLabel& label) {
    const auto from = lines.value("INCREMENTAL FROM LSN: ");
    if (!from) return {};
    label.incremental_from = parse_lsn(*from);
    const auto timeline = lines.value("INCREMENTAL FROM TLI: ");
    label.incremental_timeline = timeline ? parse_timeline(*timeline) : std::nullopt;
    if (!label.incremental_from || !label.incremental_timeline) {
        return malformed("INCREMENTAL FROM LSN and TLI are no position and timeline");
    }
    return {};
}

}  // namespace

Result<BackupLabel> parse_backup_label(std::string_view text) {
    if (text.size() > longest_label) return malformed("it is longer than 64 KiB");
    BackupLabel label;
    Lines lines(text);
    if (!read_start(lines, label)) return malformed("no START WAL LOCATION with its file in the first line");
    const auto checkpoint = lines.value("CHECKPOINT LOCATION: ");
    const auto at = checkpoint ? parse_lsn(*checkpoint) : std::nullopt;
    if (!at) return malformed("no CHECKPOINT LOCATION in the second line");
    label.checkpoint = *at;
    if (lines.value("BACKUP METHOD: ") != "streamed") return malformed("BACKUP METHOD is not \"streamed\"");
    const auto from = lines.value("BACKUP FROM: ");
    if (from != "primary" && from != "standby") return malformed("BACKUP FROM is neither primary nor standby");
    label.from_standby = from == "standby";
    if (!lines.value("START TIME: ")) return malformed("START TIME is missing");
    const auto name = lines.value("LABEL: ");
    if (!name) return malformed("LABEL is missing");
    label.label = *name;
    const auto timeline = lines.value("START TIMELINE: ");
    const auto parsed = timeline ? parse_timeline(*timeline) : std::nullopt;
    if (parsed != label.start_file.timeline) return malformed("START TIMELINE is not that of the first WAL file");
    label.start_timeline = *parsed;
    if (auto read = read_incremental(lines, label); !read) return std::unexpected(std::move(read).error());
    if (!lines.at_end()) return malformed("there are further lines, or the last one has no end");
    return label;
}

}  // namespace pgbosun::backup
