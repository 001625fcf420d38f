#include "backup/choice.hpp"

#include <algorithm>
#include <charconv>

#include "backup/backup_chain.hpp"
#include "backup/timestamp.hpp"

namespace pgbosun::backup {
namespace {

// The clocks of the server, whose commits have the time, and of the store may differ by so much.
constexpr std::chrono::minutes clock_difference{5};

std::unexpected<Fault> refuse(std::string what, std::string hint) {
    return fail(FaultKind::refused, std::move(what), std::move(hint));
}

std::string list_of(const std::vector<std::string>& texts) {
    std::string list;
    for (const auto& text : texts) list += (list.empty() ? "" : ", ") + text;
    return list;
}

// The target, read.
struct Aim {
    std::optional<WallTime> time;
    std::optional<Lsn> lsn;
    bool unplaced = false;  // a transaction or a name: nobody knows where it is
    bool immediate = false;
    std::string text;  // for a person
    [[nodiscard]] bool to_the_end() const { return !time && !lsn && !unplaced && !immediate; }
};

Result<Aim> read_aim(const RecoveryTarget& target, WallTime now) {
    Aim aim{.immediate = target.immediate};
    if (target.time) {
        aim.time = parse_timestamp(*target.time);
        aim.text = "the time " + *target.time;
        if (!aim.time) {
            return refuse("\"" + *target.time + "\" is no time",
                          "write 2026-01-30 10:00:00+00, with the zone as a number");
        }
        if (*aim.time > now) return refuse(aim.text + " is not over yet", "choose a time before " + to_timestamp(now));
    }
    if (target.lsn) {
        aim.lsn = parse_lsn(*target.lsn);
        aim.text = "the position " + *target.lsn;
        if (!aim.lsn) return refuse("\"" + *target.lsn + "\" is no position in the WAL", "write it as 16/B374D848");
    }
    if (target.xid || target.name) {
        aim.unplaced = true;
        aim.text = target.xid ? "the transaction " + *target.xid : "the restore point " + *target.name;
    }
    return aim;
}

class Chooser {
public:
    Chooser(const ArchiveFacts& facts, const RecoveryTarget& target, Aim aim)
        : facts_(facts), coverage_(judge_coverage(facts)), target_(target), aim_(std::move(aim)) {}

    [[nodiscard]] std::optional<WalEdge> edge(const BackupInfo& info) const {
        const auto path = aim_.lsn ? path_of(info) : std::nullopt;
        if (!path) return std::nullopt;
        const auto reach = reach_of(info, *path, facts_.wal);
        if (!reach.last || *aim_.lsn <= start_of(*reach.last, path->segment_size())) return std::nullopt;
        return WalEdge{*path, *reach.last};
    }

    Result<Backup> choose(const std::string& reference) {
        if (auto known = check_timeline(); !known) return std::unexpected(std::move(known).error());
        if (std::ranges::none_of(facts_.backups, &Backup::done)) {
            return refuse("the archive has no backup that is done", "take one with pgbosun backup");
        }
        if (auto within = check_time(); !within) return std::unexpected(std::move(within).error());
        if (reference == "latest") return choose_newest();
        const auto backup = find(reference);
        if (!backup) return std::unexpected(backup.error());
        if (auto fits = check(**backup); !fits) return std::unexpected(std::move(fits).error());
        return **backup;
    }

private:
    [[nodiscard]] Result<> check_timeline() const {
        if (target_.timeline == "latest" || target_.timeline == "current") return {};
        const auto timeline = numbered();
        const auto is_there = [&](const Backup& it) { return it.done() && it.info->timeline == timeline; };
        const bool known =
            timeline && (facts_.histories.contains(*timeline) || std::ranges::any_of(facts_.backups, is_there));
        if (known) return {};
        std::vector<std::string> there{"latest", "current"};
        for (const auto& [it, history] : facts_.histories) there.push_back(std::to_string(number(it)));
        return refuse("the archive knows no timeline \"" + target_.timeline + "\"", "choose one of " + list_of(there));
    }

    // What was committed later cannot be in WAL that the store had by then.
    [[nodiscard]] Result<> check_time() const {
        const auto& newest = facts_.newest_wal_at;
        if (!aim_.time || !newest || *aim_.time <= *newest + clock_difference) return {};
        return refuse(
            aim_.text + " is beyond the archive's WAL",
            "possible up to about " + to_timestamp(*newest) +
                ", or without a target to its end; a server that still runs archives the rest when its segment "
                "is full or at SELECT pg_switch_wal()");
    }

    [[nodiscard]] std::optional<Timeline> numbered() const {
        std::uint32_t value = 0;
        const auto& text = target_.timeline;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc{} || end != text.data() + text.size() || value == 0) return std::nullopt;
        return Timeline{value};
    }

    // The way that recovery from this backup takes. None: it cannot get to the timeline that is asked for.
    [[nodiscard]] std::optional<WalPath> path_of(const BackupInfo& info) const {
        const auto size = coverage_.segment_size;
        std::optional<WalPath> path;
        if (target_.timeline == "latest") {
            path = coverage_.path;
        } else {
            const auto timeline = target_.timeline == "current" ? info.timeline : *numbered();
            path = WalPath::to(timeline, facts_.histories, size);
            if (!path && timeline == info.timeline) path = WalPath::alone(timeline, size);
        }
        if (!path || !path->passes(info)) return std::nullopt;
        return path;
    }

    [[nodiscard]] Result<const Backup*> find(const std::string& reference) const {
        const auto id = BackupId::parse(reference);
        const auto meant = [&](const Backup& it) {
            if (id) return it.id == *id;
            if (reference == "oldest") return it.done();
            return it.info && it.info->name == reference;
        };
        const auto found = std::ranges::find_if(facts_.backups, meant);
        if (found == facts_.backups.end()) {
            return fail(FaultKind::not_found, "there is no backup \"" + reference + "\"", usable("choose one of "));
        }
        if (!id && reference != "oldest" &&
            std::find_if(found + 1, facts_.backups.end(), meant) != facts_.backups.end()) {
            return refuse("more than one backup has the name \"" + reference + "\"", "give an identifier");
        }
        return &*found;
    }

    // What to do with those that can be restored and ended before the target, and which these are.
    [[nodiscard]] std::string usable(const std::string& order) const {
        constexpr std::size_t most = 10;
        std::vector<std::string> ids;
        for (auto at = facts_.backups.rbegin(); at != facts_.backups.rend() && ids.size() < most; ++at) {
            if (at->done() && !at->info->snapshots && !is_too_late(*at)) {
                ids.push_back(at->id.text() + " (ended " + to_timestamp(at->info->end->time) + ")");
            }
        }
        if (!ids.empty()) return order + list_of(ids);
        return aim_.time || aim_.lsn ? "no backup ended before " + aim_.text : "no backup can be restored";
    }

    Result<Backup> choose_newest() {
        if (aim_.unplaced) {
            return refuse("nobody knows whether " + aim_.text + " is before or after a backup",
                          usable("name the newest backup that ended before it: "));
        }
        std::optional<Fault> first;
        bool only_too_late = true;
        for (auto at = facts_.backups.rbegin(); at != facts_.backups.rend(); ++at) {
            if (!at->done()) continue;
            auto fits = check(*at);
            if (fits) return *at;
            if (is_too_late(*at)) continue;
            only_too_late = false;
            if (!first) first = std::move(fits).error();
        }
        if (only_too_late) return before_the_oldest();
        return std::unexpected(std::move(*first));
    }

    [[nodiscard]] bool is_too_late(const Backup& backup) const {
        const auto& end = *backup.info->end;
        return (aim_.time && end.time > *aim_.time) || (aim_.lsn && end.lsn > *aim_.lsn);
    }

    [[nodiscard]] std::unexpected<Fault> before_the_oldest() const {
        const auto oldest = std::ranges::find_if(facts_.backups, [&](const Backup& it) { return it.done(); });
        return refuse(aim_.text + " is before the end of the oldest backup, " + oldest->id.text(),
                      possible_from(*oldest));
    }

    [[nodiscard]] static std::string possible_from(const Backup& backup) {
        const auto& end = *backup.info->end;
        return "possible from " + to_timestamp(end.time) + " or " + to_string(end.lsn) + " on";
    }

    // Whether recovery from it reaches the target, as far as that can be known.
    [[nodiscard]] Result<> check(const Backup& backup) const {
        const std::string name = "backup " + backup.id.text();
        if (!backup.done()) {
            const auto why = !backup.info                                  ? backup.info.error().what
                             : backup.info->status == BackupStatus::failed ? "it failed: " + backup.info->error
                                                                           : "it is not finished";
            return refuse(name + " cannot be restored: " + why, usable("choose one of "));
        }
        const auto& info = *backup.info;
        if (info.snapshots) {
            return refuse(name + " is a set of volume snapshots",
                          "restore it with what took it, or " + usable("choose one of "));
        }
        if (is_too_late(backup)) {
            return refuse(aim_.text + " is before the end of " + name,
                          possible_from(backup) + "; or " + usable("choose one of "));
        }
        if (auto whole = check_chain(backup); !whole) return whole;
        const auto path = path_of(info);
        if (!path) {
            return refuse(name + " is on timeline " + std::to_string(number(info.timeline)) +
                              ", from which there is no way to timeline " + target_.timeline,
                          "recover along its own timeline (current), or " + usable("choose one of "));
        }
        return check_wal(name, info, reach_of(info, *path, facts_.wal), *path);
    }

    [[nodiscard]] Result<> check_chain(const Backup& backup) const {
        const auto chain = chain_of(facts_.backups, backup);
        if (!chain) return refuse(chain.error().what, usable("choose one of "));
        return {};
    }

    // Where recovery gets to. A switch of timelines within a segment may leave its last one under another
    // name.
    [[nodiscard]] Lsn reached(const Reach& reach, const BackupInfo& info, const WalPath& path) const {
        return reach.last ? std::max(end_of(facts_, path, *reach.last), info.end->lsn) : info.end->lsn;
    }

    [[nodiscard]] Result<> check_wal(const std::string& name, const BackupInfo& info, const Reach& reach,
                                     const WalPath& path) const {
        const auto hole = reach.hole ? to_string(name_of(reach.hole->first, path.segment_size())) : std::string();
        if (!reach.consistent) {
            return refuse(name + " lacks WAL that makes it consistent (from " + to_string(info.begin->segment) +
                              " to " + to_string(info.end->segment) + ")",
                          "put the WAL into the archive, or " + usable("choose one of "));
        }
        const auto end = reached(reach, info, path);
        const std::string possible = "possible up to " + to_string(end);
        if (aim_.lsn && *aim_.lsn > end) {
            const std::string why =
                reach.hole ? "behind a hole: the archive lacks " + hole : "beyond the archive's WAL";
            return refuse(aim_.text + " is " + why, possible);
        }
        if (aim_.to_the_end() && reach.hole && reach.last) {
            return refuse("recovery from " + name + " to the end of the archive is not possible: it lacks " + hole,
                          possible + ": give that as target (--to-lsn, target_lsn) to leave out the rest");
        }
        return {};
    }

    const ArchiveFacts& facts_;
    Coverage coverage_;
    const RecoveryTarget& target_;
    Aim aim_;
};

}  // namespace

Result<Backup> choose_backup(const ArchiveFacts& facts, const RecoveryTarget& target, const std::string& reference,
                             WallTime now) {
    auto aim = read_aim(target, now);
    if (!aim) return std::unexpected(std::move(aim).error());
    return Chooser(facts, target, std::move(*aim)).choose(reference);
}

std::optional<WalEdge> edge_of(const ArchiveFacts& facts, const RecoveryTarget& target, const Backup& backup) {
    auto aim = read_aim(target, WallTime::max());
    if (!aim || !backup.done()) return std::nullopt;
    return Chooser(facts, target, std::move(*aim)).edge(*backup.info);
}

}  // namespace pgbosun::backup
