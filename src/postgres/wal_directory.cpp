#include "postgres/wal_directory.hpp"

#include <set>

namespace pgbosun::postgres {
namespace {

constexpr std::size_t segment_name_length = 24;
constexpr std::size_t timeline_length = 8;

bool segment_name(std::string_view name) {
    return name.size() == segment_name_length && name.find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
}

void add(MetricFamily& family, const char* value, std::optional<std::uint64_t> number) {
    if (number) family.samples.push_back({.labels = {{"value", value}}, .value = static_cast<double>(*number)});
}

MetricFamily on_or_off(const char* name, const char* help, Switch state) {
    MetricFamily family{.name = name, .help = help};
    family.samples.push_back({.value = state == Switch::on ? 1.0 : 0.0});
    return family;
}

}  // namespace

WalDirectoryFacts count_segments(const std::vector<std::string>& names) {
    WalDirectoryFacts facts;
    for (const std::string& name : names) {
        if (!segment_name(name)) continue;
        ++facts.segments;
        if (facts.oldest.empty() || name < facts.oldest) facts.oldest = name;
        if (name > facts.newest) facts.newest = name;
    }
    return facts;
}

ArchiveStatusFacts count_archive_status(const std::vector<std::string>& names) {
    ArchiveStatusFacts facts;
    for (const std::string& name : names) {
        facts.ready += name.ends_with(".ready") ? 1 : 0;
        facts.done += name.ends_with(".done") ? 1 : 0;
    }
    return facts;
}

std::vector<std::string> unmarked_segments(const std::vector<std::string>& wal, const std::vector<std::string>& marks,
                                           std::string_view current) {
    const std::set<std::string_view> marked(marks.begin(), marks.end());
    std::vector<std::string> unmarked;
    for (const std::string& name : wal) {
        if (!segment_name(name) || !name.starts_with(current.substr(0, timeline_length)) || name >= current) continue;
        if (!marked.contains(name + ".ready") && !marked.contains(name + ".done")) unmarked.push_back(name);
    }
    return unmarked;
}

MetricFamily pg_wal_family(const WalDirectoryFacts& facts, std::uint32_t segment_size, const WalLimits& limits,
                           const std::optional<VolumeFacts>& volume) {
    MetricFamily family{.name = "cnpg_collector_pg_wal",
                        .help =
                            "Segments in pg_wal, their size in bytes, the limits on it in bytes, and the size "
                            "of its volume in segments"};
    add(family, "count", facts.segments);
    add(family, "size", facts.segments * segment_size);
    add(family, "min", limits.min_wal_size);
    add(family, "max", limits.max_wal_size);
    add(family, "keep", limits.wal_keep_size);
    add(family, "slots_max", limits.max_slot_wal_keep_size);
    if (volume && segment_size != 0) {
        add(family, "volume_size", (volume->total_bytes - volume->available_bytes) / segment_size);
        add(family, "volume_max", volume->total_bytes / segment_size);
    }
    return family;
}

MetricFamily archive_status_family(const ArchiveStatusFacts& facts) {
    MetricFamily family{.name = "cnpg_collector_pg_wal_archive_status",
                        .help = "WAL files by their state in pg_wal/archive_status"};
    add(family, "ready", facts.ready);
    add(family, "done", facts.done);
    return family;
}

MetricFamily fencing_on_family(Switch fenced) {
    return on_or_off("cnpg_collector_fencing_on", "1 when the instance is fenced", fenced);
}

MetricFamily replica_mode_family(Switch replica) {
    return on_or_off("cnpg_collector_replica_mode", "1 when the cluster follows another one", replica);
}

}  // namespace pgbosun::postgres
