#include "archive/summary_wire.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace pgbosun::archive {
namespace {

using nlohmann::json;

constexpr std::size_t longest_text = 1024;  // of one value

std::string cut(const std::string& text) { return text.substr(0, longest_text); }

// Microseconds since the epoch: exact, and no zone to misread.
json moment(const std::optional<WallTime>& time) {
    return time ? json(time->time_since_epoch().count()) : json(nullptr);
}

// Reads keys one by one; the first that has another type is kept.
class Reader {
public:
    Reader(const json& object, std::string& fault) : object_(object), fault_(fault) {}

    void text(const char* key, std::string& value) const {
        if (const json* found = find(key)) found->is_string() ? void(value = *found) : complain(key);
    }
    void truth(const char* key, bool& value) const {
        if (const json* found = find(key)) found->is_boolean() ? void(value = found->get<bool>()) : complain(key);
    }
    template <class Number>
    void number(const char* key, Number& value) const {
        const json* found = find(key);
        if (found == nullptr) return;
        const bool fits = found->is_number_unsigned() && std::in_range<Number>(found->get<std::uint64_t>());
        fits ? void(value = static_cast<Number>(found->get<std::uint64_t>())) : complain(key);
    }
    void time(const char* key, std::optional<WallTime>& value) const {
        const json* found = find(key);
        if (found == nullptr) return;
        if (!found->is_number_integer()) return complain(key);
        value = WallTime(std::chrono::microseconds(found->get<std::int64_t>()));
    }
    template <class Read>
    void each(const char* key, std::size_t most, Read read) const {
        const json* found = find(key);
        if (found == nullptr) return;
        if (!found->is_array() || found->size() > most) return complain(key);
        for (const auto& element : *found) {
            if (!element.is_object()) return complain(key);
            read(Reader(element, fault_));
        }
    }

private:
    const json* find(const char* key) const {
        const auto found = object_.find(key);
        return found == object_.end() || found->is_null() ? nullptr : &*found;
    }
    void complain(const char* key) const {
        if (fault_.empty()) fault_ = std::string(key) + " has another type";
    }

    const json& object_;
    std::string& fault_;
};

json entry_of(const CatalogEntry& entry) {
    return {{"id", cut(entry.id)},
            {"name", cut(entry.name)},
            {"status", entry.status},
            {"kind", entry.kind},
            {"parent", cut(entry.parent)},
            {"error", cut(entry.error)},
            {"keep", entry.keep},
            {"instance", cut(entry.instance)},
            {"begin_at", moment(entry.begin_at)},
            {"end_at", moment(entry.end_at)},
            {"begin_wal", entry.begin_wal},
            {"end_wal", entry.end_wal},
            {"begin_lsn", entry.begin_lsn},
            {"end_lsn", entry.end_lsn},
            {"timeline", entry.timeline},
            {"bytes", entry.bytes},
            {"stored", entry.stored},
            {"system_id", entry.system_id}};
}

CatalogEntry read_entry(const Reader& reader) {
    CatalogEntry entry;
    reader.text("id", entry.id);
    reader.text("name", entry.name);
    reader.text("status", entry.status);
    reader.text("kind", entry.kind);
    reader.text("parent", entry.parent);
    reader.text("error", entry.error);
    reader.text("keep", entry.keep);
    reader.text("instance", entry.instance);
    reader.time("begin_at", entry.begin_at);
    reader.time("end_at", entry.end_at);
    reader.text("begin_wal", entry.begin_wal);
    reader.text("end_wal", entry.end_wal);
    reader.text("begin_lsn", entry.begin_lsn);
    reader.text("end_lsn", entry.end_lsn);
    reader.number("timeline", entry.timeline);
    reader.number("bytes", entry.bytes);
    reader.number("stored", entry.stored);
    reader.number("system_id", entry.system_id);
    return entry;
}

}  // namespace

std::string render(const CatalogSummary& summary) {
    json backups = json::array();
    const auto left_out = summary.backups.size() - std::min(summary.backups.size(), CatalogSummary::most_entries);
    for (std::size_t i = left_out; i < summary.backups.size(); ++i) backups.push_back(entry_of(summary.backups[i]));
    json holes = json::array();
    for (const auto& hole : summary.holes) {
        if (holes.size() == CatalogSummary::most_holes) break;
        holes.push_back({{"first", hole.first}, {"last", hole.last}, {"count", hole.count}});
    }
    const json object{{"server", cut(summary.server)},
                      {"empty", summary.empty},
                      {"owner", summary.owner},
                      {"count", summary.count},
                      {"done", summary.done},
                      {"backups", std::move(backups)},
                      {"last_done_at", moment(summary.last_done_at)},
                      {"last_done_id", summary.last_done_id},
                      {"last_failed_at", moment(summary.last_failed_at)},
                      {"last_failed_id", summary.last_failed_id},
                      {"last_error", cut(summary.last_error)},
                      {"recoverable_from", moment(summary.recoverable_from)},
                      {"recoverable_to", summary.recoverable_to},
                      {"last_wal", summary.last_wal},
                      {"wal_segment_size", summary.wal_segment_size},
                      {"timeline", summary.timeline},
                      {"history", summary.history},
                      {"wal_files", summary.wal_files},
                      {"holes", std::move(holes)},
                      {"hole_count", summary.hole_count}};
    return object.dump(-1, ' ', true, json::error_handler_t::replace) + "\n";
}

Result<CatalogSummary> parse_summary(std::string_view line) {
    const auto refuse = [](const std::string& why) {
        return fail(FaultKind::refused, "the archive's summary cannot be read: " + why);
    };
    if (line.size() > longest_summary) return refuse("too long");
    const json object = json::parse(line, nullptr, false);
    if (!object.is_object()) return refuse("no JSON object");
    CatalogSummary summary;
    std::string fault;
    const Reader reader(object, fault);
    reader.text("server", summary.server);
    reader.truth("empty", summary.empty);
    reader.number("owner", summary.owner);
    reader.number("count", summary.count);
    reader.number("done", summary.done);
    reader.each("backups", CatalogSummary::most_entries,
                [&](const Reader& entry) { summary.backups.push_back(read_entry(entry)); });
    reader.time("last_done_at", summary.last_done_at);
    reader.text("last_done_id", summary.last_done_id);
    reader.time("last_failed_at", summary.last_failed_at);
    reader.text("last_failed_id", summary.last_failed_id);
    reader.text("last_error", summary.last_error);
    reader.time("recoverable_from", summary.recoverable_from);
    reader.text("recoverable_to", summary.recoverable_to);
    reader.text("last_wal", summary.last_wal);
    reader.number("wal_segment_size", summary.wal_segment_size);
    reader.number("timeline", summary.timeline);
    reader.text("history", summary.history);
    reader.number("wal_files", summary.wal_files);
    reader.each("holes", CatalogSummary::most_holes, [&](const Reader& hole) {
        WalHole& read = summary.holes.emplace_back();
        hole.text("first", read.first);
        hole.text("last", read.last);
        hole.number("count", read.count);
    });
    reader.number("hole_count", summary.hole_count);
    if (!fault.empty()) return refuse(fault);
    return summary;
}

}  // namespace pgbosun::archive
