#include "backup/backup_info.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "backup/backup_id.hpp"
#include "backup/python_literal.hpp"
#include "backup/timestamp.hpp"
#include "backup/utf8.hpp"
#include "pgbosun/backup_name.hpp"

namespace pgbosun::backup {
namespace {

constexpr std::string_view our_mark = "# pgbosun.";
constexpr std::string_view hint = "this backup cannot be used; restore from another one, and delete it";

std::unexpected<Fault> malformed(const std::string& what) {
    return fail(FaultKind::corrupt, "backup.info: " + what, std::string(hint));
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\v\f\n";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// The keys and values that are there; a null is not.
struct Entries {
    std::map<std::string_view, std::string_view> values;
    std::map<std::string, std::string> remarks;

    [[nodiscard]] std::optional<std::string_view> find(std::string_view key) const {
        const auto found = values.find(key);
        if (found == values.end()) return std::nullopt;
        return found->second;
    }
    [[nodiscard]] std::string text(std::string_view key) const { return std::string(find(key).value_or("")); }
};

void read_remark(std::string_view line, Entries& entries) {
    if (!line.starts_with(our_mark)) return;
    line.remove_prefix(our_mark.size());
    const auto colon = line.find(": ");
    if (colon == 0 || colon == std::string_view::npos) return;
    entries.remarks[std::string(line.substr(0, colon))] = line.substr(colon + 2);
}

Result<Entries> read_entries(std::string_view text) {
    Entries entries;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (trimmed(line).empty()) continue;
        if (line.front() == '#') {
            read_remark(line, entries);
            continue;
        }
        const auto equals = line.find('=');
        if (equals == std::string_view::npos) return malformed("a line is no key=value");
        const auto key = trimmed(line.substr(0, equals));
        const auto value = trimmed(line.substr(equals + 1));
        if (value == "None") {
            entries.values.erase(key);
        } else {
            entries.values[key] = value;
        }
    }
    return entries;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
    Number value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<Timeline> parse_timeline(std::string_view text) {
    const auto value = parse_number<std::uint32_t>(text);
    if (!value || *value == 0) return std::nullopt;
    return Timeline{*value};
}

std::optional<int> parse_version(std::string_view text) {
    const auto value = parse_number<int>(text);
    if (!value || *value <= 0) return std::nullopt;
    return value;
}

std::optional<SystemId> parse_system_id(std::string_view text) {
    const auto value = parse_number<std::uint64_t>(text);
    if (!value) return std::nullopt;
    return SystemId{*value};
}

std::optional<wal::SegmentSize> parse_segment_size(std::string_view text) {
    const auto value = parse_number<std::uint64_t>(text);
    if (!value) return std::nullopt;
    return wal::SegmentSize::from_bytes(*value);
}

std::optional<std::string> parse_string(std::string_view text) {
    auto value = parse_python_literal(text);
    if (!value || !std::holds_alternative<std::string>(value->value)) return std::nullopt;
    return std::move(std::get<std::string>(value->value));
}

std::optional<Tablespace> tablespace_of(const PythonValue& value) {
    const auto* items = std::get_if<PythonSequence>(&value.value);
    if (items == nullptr || items->size() != 3) return std::nullopt;
    const auto* name = std::get_if<std::string>(&(*items)[0].value);
    const auto* oid = std::get_if<std::int64_t>(&(*items)[1].value);
    const auto* location = std::get_if<std::string>(&(*items)[2].value);
    if (name == nullptr || oid == nullptr || location == nullptr) return std::nullopt;
    if (*oid < 1 || *oid > std::int64_t{UINT32_MAX} || !location->starts_with('/')) return std::nullopt;
    return Tablespace{*name, static_cast<std::uint32_t>(*oid), *location};
}

std::optional<std::string> file_of(const PythonValue& value) {
    const auto* file = std::get_if<std::string>(&value.value);
    if (file == nullptr) return std::nullopt;
    return *file;
}

template <class Item>
std::optional<std::vector<Item>> parse_list(std::string_view text, std::optional<Item> (*item_of)(const PythonValue&)) {
    const auto value = parse_python_literal(text);
    const auto* items = value ? std::get_if<PythonSequence>(&value->value) : nullptr;
    if (items == nullptr) return std::nullopt;
    std::vector<Item> list;
    for (const auto& it : *items) {
        auto item = item_of(it);
        if (!item) return std::nullopt;
        list.push_back(std::move(*item));
    }
    return list;
}

// Reads values, and remembers the first that is missing or malformed.
class Reader {
public:
    explicit Reader(const Entries& entries) : entries_(entries) {}

    template <class Value, class Parse>
    void optional(std::string_view key, Value& into, const Parse& parse) {
        const auto text = entries_.find(key);
        if (!text) return;
        if (auto value = parse(*text)) {
            // NOLINTNEXTLINE(bugprone-optional-value-conversion): most fields are not optional and take the value
            into = std::move(*value);
        } else {
            complain(std::string(key) + " is malformed");
        }
    }

    template <class Value, class Parse>
    void required(std::string_view key, Value& into, const Parse& parse) {
        if (!entries_.find(key)) complain(std::string(key) + " is missing");
        optional(key, into, parse);
    }

    void complain(std::string what) {
        if (!complaint_) complaint_ = std::move(what);
    }
    [[nodiscard]] const std::optional<std::string>& complaint() const { return complaint_; }

private:
    const Entries& entries_;
    std::optional<std::string> complaint_;
};

// A position at the end of a segment may be told with the name of either.
bool is_in(const WalPosition& position, wal::SegmentSize size) {
    const auto segment = segment_of(position.segment, size);
    if (!segment) return false;
    const auto offset = position.lsn.value - start_of(*segment, size).value;
    return position.lsn >= start_of(*segment, size) && offset <= size.bytes();
}

WalPosition read_position(Reader& reader, const std::string& edge, wal::SegmentSize size) {
    WalPosition position;
    reader.required(edge + "_xlog", position.lsn, parse_lsn);
    reader.required(edge + "_wal", position.segment, wal::parse_segment_name);
    reader.required(edge + "_time", position.time, parse_timestamp);
    if (!reader.complaint() && !is_in(position, size)) {
        reader.complain(edge + "_xlog " + to_string(position.lsn) + " is not in " + to_string(position.segment));
    }
    return position;
}

void read_positions(Reader& reader, BackupInfo& info) {
    const auto size = *wal::SegmentSize::from_bytes(info.segment_size);
    info.begin = read_position(reader, "begin", size);
    info.end = read_position(reader, "end", size);
    if (reader.complaint()) return;
    if (info.end->lsn < info.begin->lsn) reader.complain("end_xlog is before begin_xlog");
    // A standby may have gone over to another one meanwhile.
    if (info.timeline < info.begin->segment.timeline || info.timeline > info.end->segment.timeline) {
        reader.complain("timeline " + std::to_string(number(info.timeline)) + " does not agree with " +
                        to_string(info.begin->segment) + " and " + to_string(info.end->segment));
    }
}

void read_facts(Reader& reader, BackupInfo& info) {
    auto size = *wal::SegmentSize::from_bytes(info.segment_size);
    reader.optional("xlog_segment_size", size, parse_segment_size);
    info.segment_size = size.bytes();
    reader.optional("systemid", info.system_id, parse_system_id);
    reader.optional("backup_label", info.backup_label, parse_string);
    reader.optional("tablespaces", info.tablespaces,
                    [](auto text) { return parse_list<Tablespace>(text, tablespace_of); });
    reader.optional("included_files", info.included_files,
                    [](auto text) { return parse_list<std::string>(text, file_of); });
}

void read_texts(const Entries& entries, BackupInfo& info) {
    if (const auto name = entries.find("backup_name")) info.name = std::string(*name);
    info.error = entries.text("error");
    info.pgdata = entries.text("pgdata");
    info.config_file = entries.text("config_file");
    info.hba_file = entries.text("hba_file");
    info.ident_file = entries.text("ident_file");
    info.snapshots = entries.find("snapshots_info").has_value();
    info.remarks = entries.remarks;
}

BackupStatus status_of(std::string_view word) {
    if (word == "DONE") return BackupStatus::done;
    if (word == "FAILED") return BackupStatus::failed;
    return BackupStatus::unfinished;
}

// Keeps of one that is not done what can be read.
void read_leniently(const Entries& entries, BackupInfo& info) {
    Reader any(entries);
    read_facts(any, info);
    any.optional("timeline", info.timeline, parse_timeline);
    any.optional("version", info.version, parse_version);
    const auto size = *wal::SegmentSize::from_bytes(info.segment_size);
    Reader begin(entries), end(entries);
    const auto first = read_position(begin, "begin", size);
    if (!begin.complaint()) info.begin = first;
    const auto last = read_position(end, "end", size);
    if (!end.complaint()) info.end = last;
}

}  // namespace

Result<BackupInfo> parse_backup_info(std::string_view text) {
    if (text.size() > longest_backup_info) return malformed("it is longer than 16 MiB");
    if (!is_utf8(text)) return malformed("it is no UTF-8");
    const auto entries = read_entries(text);
    if (!entries) return std::unexpected(entries.error());
    const auto status = entries->find("status");
    if (!status) return malformed("status is missing");
    BackupInfo info;
    info.status = status_of(*status);
    read_texts(*entries, info);
    if (info.status != BackupStatus::done) {
        read_leniently(*entries, info);
        return info;
    }
    Reader reader(*entries);
    read_facts(reader, info);
    reader.required("timeline", info.timeline, parse_timeline);
    reader.required("version", info.version, parse_version);
    read_positions(reader, info);
    if (reader.complaint()) return malformed(*reader.complaint());
    return info;
}

Result<> check_backup_name(std::string_view name) {
    if (auto fine = pgbosun::check_backup_name(name); !fine) return fine;
    if (is_utf8(name)) return {};
    return fail(FaultKind::refused, "the backup's name is not UTF-8", "choose another name");
}

}  // namespace pgbosun::backup
