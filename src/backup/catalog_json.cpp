// The commands' JSON; the keys are those of docs/http-api.md.

#include <nlohmann/json.hpp>

#include "backup/catalog_text.hpp"

namespace pgbosun::backup {
namespace {

using Json = nlohmann::ordered_json;

// Names in a store may be any bytes.
std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }
Json number_or_null(std::uint64_t number) { return number == 0 ? Json() : Json(number); }
Json time_or_null(const std::optional<WallTime>& time) { return time ? Json(to_iso8601(*time)) : Json(); }

Json json_of(const CatalogEntry& entry) {
    return {{"id", entry.id},
            {"name", text_or_null(entry.name)},
            {"state", entry.status},
            {"kind", entry.kind},
            {"parent", text_or_null(entry.parent)},
            {"error", text_or_null(entry.error)},
            {"keep", text_or_null(entry.keep)},
            {"instance", text_or_null(entry.instance)},
            {"begin_at", time_or_null(entry.begin_at)},
            {"end_at", time_or_null(entry.end_at)},
            {"begin_wal", text_or_null(entry.begin_wal)},
            {"end_wal", text_or_null(entry.end_wal)},
            {"begin_lsn", text_or_null(entry.begin_lsn)},
            {"end_lsn", text_or_null(entry.end_lsn)},
            {"timeline", number_or_null(entry.timeline)},
            {"bytes", number_or_null(entry.bytes)},
            {"stored_bytes", number_or_null(entry.stored)}};
}

Json json_of(const BackupInfo& info) {
    Json tablespaces = Json::array();
    for (const auto& it : info.tablespaces) {
        tablespaces.push_back({{"name", it.name}, {"oid", it.oid}, {"location", it.location}});
    }
    Json remarks = Json::object();
    for (const auto& [name, value] : info.remarks) remarks[name] = value;
    return {{"version", info.version},
            {"system_id", info.system_id ? Json(std::to_string(number(*info.system_id))) : Json()},
            {"segment_bytes", info.segment_size},
            {"pgdata", text_or_null(info.pgdata)},
            {"tablespaces", tablespaces},
            {"label", text_or_null(info.backup_label)},
            {"remarks", remarks}};
}

}  // namespace

std::string to_json(const std::vector<CatalogEntry>& backups) {
    Json list = Json::array();
    for (const auto& entry : backups) list.push_back(json_of(entry));
    return text_of({{"count", backups.size()}, {"backups", list}});
}

std::string to_json(const CatalogEntry& entry) { return text_of(json_of(entry)); }

std::string to_json(const ShownBackup& backup) {
    Json json = json_of(backup.entry);
    if (backup.info) json.update(json_of(*backup.info));
    json["objects"] = Json::array();
    for (const auto& it : backup.objects) json["objects"].push_back({{"key", it.key}, {"bytes", it.size}});
    return text_of(json);
}

std::string to_json(const Deleted& deleted) {
    return text_of({{"backup", json_of(deleted.entry)},
                    {"wal_files", deleted.wal_files},
                    {"wal_stays_because", text_or_null(deleted.wal_stays_because)}});
}

std::string to_json(const Expired& expired) {
    Json list = Json::array();
    for (std::size_t at = 0; at < expired.backups.size(); ++at) {
        Json json = json_of(expired.backups[at]);
        json["goes"] = !stays(expired.plan.backups[at].reason);
        json["because"] = explanation(expired.plan.backups[at].reason);
        list.push_back(std::move(json));
    }
    const auto& wal = expired.plan.wal;
    return text_of({{"dry_run", expired.dry_run == DryRun::yes},
                    {"backups", list},
                    {"wal_before", wal ? Json(wal::to_string(wal->before)) : Json()},
                    {"wal_files", expired.wal_files},
                    {"wal_stays_because", text_or_null(expired.plan.wal_stays_because)},
                    {"uploads", expired.uploads},
                    {"uploads_stay_because", text_or_null(expired.uploads_stay_because)}});
}

std::string to_json(const WalListing& listing) {
    Json runs = Json::array(), histories = Json::array();
    for (const auto& run : listing.runs) {
        runs.push_back(
            {{"first", wal::to_string(run.first)}, {"last", wal::to_string(run.last)}, {"count", run.count}});
    }
    for (const auto timeline : listing.histories) histories.push_back(number(timeline));
    return text_of({{"runs", runs},
                    {"histories", histories},
                    {"partials", listing.partials},
                    {"backup_histories", listing.backup_histories},
                    {"duplicates", listing.duplicates},
                    {"foreign", listing.foreign}});
}

std::string to_json(const WalReport& report) {
    const auto& summary = report.summary;
    Json holes = Json::array();
    for (const auto& it : summary.holes) {
        holes.push_back({{"first", it.first}, {"last", it.last}, {"count", it.count}});
    }
    Json ranges = Json::array();
    for (const auto& it : report.ranges) {
        ranges.push_back({{"from", time_or_null(it.from)},
                          {"to", it.to},
                          {"to_lsn", pgbosun::to_string(it.end)},
                          {"hole", text_or_null(it.hole)}});
    }
    // What the newest backup reaches.
    const Json newest = ranges.empty() ? Json::object() : ranges.back();
    return text_of({{"recoverable", report.whole},
                    {"recoverable_from", newest.value("from", Json())},
                    {"recoverable_to", newest.value("to", Json())},
                    {"recoverable_to_lsn", newest.value("to_lsn", Json())},
                    {"ranges", std::move(ranges)},
                    {"last_wal", text_or_null(summary.last_wal)},
                    {"wal_files", summary.wal_files},
                    {"hole_count", summary.hole_count},
                    {"holes", holes},
                    {"findings", report.findings}});
}

}  // namespace pgbosun::backup
