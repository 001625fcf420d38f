#include "wal/archive_marks.hpp"

#include <algorithm>

#include "wal/archive_name.hpp"

namespace pgbosun::wal {
namespace {

std::vector<std::string> marked(std::span<const std::string> names, std::string_view mark) {
    std::vector<std::string> found;
    for (std::string_view name : names) {
        if (!name.ends_with(mark)) continue;
        name.remove_suffix(mark.size());
        if (parse_archive_name(name)) found.emplace_back(name);
    }
    std::ranges::sort(found);
    return found;
}

bool is_within(const Segment& file, const Reach& reach, SegmentSize size) {
    const auto segment = segment_of(file.name, size);
    if (!segment) return false;
    const std::uint64_t last = start_of(*segment, size).value + size.bytes() - 1;
    return last < reach.end.value && timeline_at(reach.history, Lsn{last}) == segment->timeline;
}

bool is_within(const ArchiveName& file, const Reach& reach, SegmentSize size) {
    if (const auto* segment = std::get_if<Segment>(&file)) return is_within(*segment, reach, size);
    const auto* history = std::get_if<HistoryFile>(&file);
    if (history == nullptr) return false;
    return history->timeline == reach.history.timeline || is_ancestor(reach.history, history->timeline);
}

template <class Wanted>
std::vector<std::string> unmarked_segments(std::span<const std::string> names_in_pg_wal,
                                           std::span<const std::string> names_in_archive_status, const Wanted& wanted) {
    auto marks = marked(names_in_archive_status, done_mark);
    const auto ready = marked(names_in_archive_status, ready_mark);
    marks.insert(marks.end(), ready.begin(), ready.end());
    std::ranges::sort(marks);
    std::vector<std::string> found;
    for (const auto& name : names_in_pg_wal) {
        const auto file = parse_archive_name(name);
        const auto* segment = file ? std::get_if<Segment>(&*file) : nullptr;
        if (segment != nullptr && wanted(*segment) && !std::ranges::binary_search(marks, name)) found.push_back(name);
    }
    std::ranges::sort(found);
    return found;
}

}  // namespace

std::vector<std::string> taken_on_trust(std::span<const std::string> names_in_archive_status, const Reach& reach,
                                        SegmentSize size) {
    auto found = marked(names_in_archive_status, done_mark);
    std::erase_if(found, [&](const auto& name) { return !is_within(*parse_archive_name(name), reach, size); });
    return found;
}

std::vector<std::string> still_to_archive(std::span<const std::string> names_in_archive_status) {
    return marked(names_in_archive_status, ready_mark);
}

std::vector<std::string> never_whole(std::span<const std::string> names_in_pg_wal,
                                     std::span<const std::string> names_in_archive_status, const Reach& reach,
                                     SegmentSize size) {
    return unmarked_segments(names_in_pg_wal, names_in_archive_status, [&](const Segment& segment) {
        return segment.name.timeline < reach.history.timeline && !is_within(segment, reach, size);
    });
}

std::vector<std::string> whole_without_mark(std::span<const std::string> names_in_pg_wal,
                                            std::span<const std::string> names_in_archive_status, const Reach& reach,
                                            SegmentSize size) {
    return unmarked_segments(names_in_pg_wal, names_in_archive_status,
                             [&](const Segment& segment) { return is_within(segment, reach, size); });
}

bool is_of_older_timeline(std::string_view name, Timeline of_primary) {
    const auto file = parse_archive_name(name);
    return file && timeline_of(*file) < of_primary;
}

}  // namespace pgbosun::wal
