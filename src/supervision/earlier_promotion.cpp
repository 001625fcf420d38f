#include "supervision/earlier_promotion.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "supervision/upstream.hpp"
#include "supervision/wal_fetch.hpp"

namespace pgbosun::supervision {
namespace {

constexpr Duration fetch_patience = std::chrono::seconds(10);
constexpr std::string_view scratch = "/own-history";

using History = std::optional<wal::TimelineHistory>;

// None: the archive has no history of it.
Task<Result<History>> fetch_history(Surroundings& outside, const Settings& settings, Timeline timeline) {
    const std::string path = settings.state_directory() + std::string(scratch);
    JobProcess process(outside.loop, outside.processes, longest_fetch_line);
    WantedWal wanted{history_file(timeline), path, fetch_patience};
    const auto there = co_await fetch_wal(outside.archiver, process, Archive::own, std::move(wanted));
    if (!there) co_return std::unexpected(there.error());
    if (!*there) co_return History();
    std::string file = path;
    const auto text = co_await outside.files.read(std::move(file), wal::longest_history);
    file = path;
    std::ignore = co_await outside.files.remove_durably(std::move(file));
    if (!text) co_return std::unexpected(text.error());
    auto history = wal::parse_history(timeline, *text);
    if (!history) co_return std::unexpected(std::move(history.error()));
    co_return History(std::move(*history));
}

// As PostgreSQL looks for it: number by number, from the one that it is on.
Task<Result<History>> newest_after(Surroundings& outside, const Settings& settings, Timeline timeline) {
    History newest;
    for (;;) {
        timeline = Timeline{number(timeline) + 1};
        auto history = co_await fetch_history(outside, settings, timeline);
        if (!history) co_return std::unexpected(std::move(history.error()));
        if (!*history) co_return newest;
        newest = std::move(*history);
    }
}

bool same_course(const wal::TimelineHistory& one, const wal::TimelineHistory& other) {
    return std::ranges::equal(one.ancestors, other.ancestors, [](const wal::Ancestor& it, const wal::Ancestor& its) {
        return it.timeline == its.timeline && it.fork == its.fork;
    });
}

Fault taken(Timeline timeline, const std::string& why) {
    return {
        FaultKind::conflict, "the own archive's timeline " + std::to_string(number(timeline)) + " " + why,
        "it is of an earlier promotion, whose rows were given up. Give archive.server_name a name that is new there, "
        "in each instance; or follow the other cluster again until more of its WAL is here"};
}

Fault not_known(const Fault& fault) {
    return {FaultKind::unavailable, "it is not known whether the own archive has an earlier promotion: " + fault.what,
            fault.hint};
}

}  // namespace

Task<Result<>> no_earlier_promotion(Surroundings& outside, const Settings& settings, wal::Reach reach) {
    if (!settings.archive) co_return Result<>();
    std::vector<Timeline> passed;
    passed.reserve(reach.history.ancestors.size() + 1);
    for (const auto& ancestor : reach.history.ancestors) passed.push_back(ancestor.timeline);
    passed.push_back(reach.history.timeline);
    for (const Timeline timeline : passed) {
        if (timeline == Timeline{1}) continue;  // it has no history
        const auto own = co_await fetch_history(outside, settings, timeline);
        if (!own) co_return std::unexpected(not_known(own.error()));
        if (*own && !same_course(**own, wal::history_of(reach.history, timeline)))
            co_return std::unexpected(taken(timeline, "has another history than that of the followed cluster"));
    }
    const auto newest = co_await newest_after(outside, settings, reach.history.timeline);
    if (!newest) co_return std::unexpected(not_known(newest.error()));
    const auto fork = *newest ? wal::fork_point(**newest, reach.history.timeline) : std::nullopt;
    if (!fork || *fork < reach.end) co_return Result<>();
    co_return std::unexpected(taken((*newest)->timeline, "left this one at " + to_string(*fork) +
                                                             ", and replay has come to " + to_string(reach.end) +
                                                             ": PostgreSQL would go on along it"));
}

}  // namespace pgbosun::supervision
