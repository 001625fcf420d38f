// Whatever lies in an archive: after any expiry every backup that stays can still be restored, to every
// moment that it could be restored to before.

#include <algorithm>
#include <random>
#include <set>

#include "backup/retention.hpp"
#include "backups.hpp"
#include "support/catch.hpp"
#include "support/seed.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;
using namespace pgbosun::test;

namespace {

const WallTime start = moment("2026-01-01");

// A history of a cluster: time goes on, WAL is written, timelines fork, backups are taken.
struct World {
    struct Branch {
        std::uint32_t parent = 0;
        std::uint64_t fork = 0;  // the first segment that is its own
        std::uint64_t end = 0;   // one past its last segment
    };
    std::vector<Branch> timelines{{0, 0, 1}};  // of timeline n at n - 1
    std::vector<Backup> backups;
    std::set<std::string> files;
    std::set<std::uint32_t> needs_of_standalone;
    WallTime now = start;

    [[nodiscard]] std::string file(std::uint32_t timeline, std::uint64_t segment) const {
        return to_string(name_of({Timeline{timeline}, segment}, *wal::SegmentSize::from_bytes(16 << 20)));
    }

    // Which timeline each segment from `begin` on is taken from, when recovery goes to timeline `to`.
    [[nodiscard]] std::optional<std::vector<std::string>> way(const BackupInfo& info, std::uint32_t to) const {
        std::vector<std::string> names;
        const auto from = number(info.timeline);
        std::uint64_t end = timelines[to - 1].end;
        for (auto at = to;; at = timelines[at - 1].parent) {
            if (at == 0) return std::nullopt;
            const auto begin =
                at == from ? info.begin->segment.segment + info.begin->segment.log * 256ULL : timelines[at - 1].fork;
            for (auto segment = begin; segment < end; ++segment) names.push_back(file(at, segment));
            if (at == from) break;
            end = timelines[at - 1].fork;
        }
        return names;
    }

    // Every timeline that the backup can be recovered to with the files that are there.
    [[nodiscard]] std::set<std::uint32_t> reachable(const Backup& backup) const {
        std::set<std::uint32_t> reached;
        for (std::uint32_t to = 1; to <= timelines.size(); ++to) {
            const auto last = backup.info->end->segment;
            // It ended on its own timeline: a child that forked before is no way.
            bool after_end = true;
            for (auto at = to; at != number(backup.info->timeline) && at != 0; at = timelines[at - 1].parent) {
                const bool child = timelines[at - 1].parent == number(backup.info->timeline);
                if (child) after_end = timelines[at - 1].fork > last.segment + last.log * 256ULL;
            }
            const auto names = way(*backup.info, to);
            const auto there = [&](const std::string& name) { return files.contains(name); };
            if (after_end && names && std::ranges::all_of(*names, there)) reached.insert(to);
        }
        return reached;
    }

    [[nodiscard]] Histories histories() const {
        Histories histories;
        for (std::uint32_t timeline = 2; timeline <= timelines.size(); ++timeline) {
            wal::TimelineHistory history{.timeline = Timeline{timeline}};
            for (auto at = timeline; at != 1; at = timelines[at - 1].parent) {
                const auto parent = timelines[at - 1].parent;
                const Lsn fork = position(parent, timelines[at - 1].fork, 0, {}).lsn;
                history.ancestors.insert(history.ancestors.begin(), {Timeline{parent}, fork, ""});
            }
            histories.emplace(history.timeline, std::move(history));
        }
        return histories;
    }

    // From how many the newest timeline can be reached. `kind`: none counts both.
    [[nodiscard]] std::ptrdiff_t leading(std::optional<Kind> kind) const {
        return std::ranges::count_if(backups, [&](const Backup& it) {
            return it.done() && (!kind || it.kind == *kind) && it.keep != Keep::standalone &&
                   reachable(it).contains(static_cast<std::uint32_t>(timelines.size()));
        });
    }

    [[nodiscard]] bool is_consistent(const Backup& backup) const {
        const auto& info = *backup.info;
        for (auto name = info.begin->segment; name <= info.end->segment;) {
            if (!files.contains(to_string(name))) return false;
            if (++name.segment == 256) name = {name.timeline, name.log + 1, 0};
        }
        return true;
    }
};

class Maker {
public:
    explicit Maker(std::mt19937_64& random) : random_(random) {}

    World make() {
        const int steps = pick(5, 40);
        for (int step = 0; step < steps; ++step) {
            world_.now += std::chrono::hours(pick(1, 60));
            const int what = pick(0, 9);
            if (what < 5) take_backup();
            write(pick(0, 6));
            if (what == 9) fork();
        }
        return std::move(world_);
    }

private:
    int pick(int from, int to) { return std::uniform_int_distribution(from, to)(random_); }

    void write(int segments) {
        auto& branch = world_.timelines[current_ - 1];
        for (; segments > 0; --segments) world_.files.insert(world_.file(current_, branch.end++));
    }

    // Mostly from the newest timeline; seldom back to an older one.
    void fork() {
        const auto parent = pick(0, 3) > 0 ? current_ : static_cast<std::uint32_t>(pick(1, static_cast<int>(current_)));
        const auto end = world_.timelines[parent - 1].end;
        const auto begin = world_.timelines[parent - 1].fork;
        const auto at =
            pick(0, 1) == 0 ? end : begin + static_cast<std::uint64_t>(pick(0, static_cast<int>(end - begin)));
        world_.timelines.push_back({parent, at, at});
        current_ = static_cast<std::uint32_t>(world_.timelines.size());
        write(1);
    }

    void take_backup() {
        const auto id = BackupId::next(world_.now, {});
        const int kind = pick(0, 11);
        if (kind == 0) return world_.backups.push_back(failed_backup(id.text()));
        if (kind == 1) return world_.backups.push_back(never_finished(id.text()));
        const auto begin = world_.timelines[current_ - 1].end;
        write(pick(1, 3));
        const Place place{current_, begin, world_.timelines[current_ - 1].end - 1};
        auto backup = done(id.text(), place);
        if (kind < 5 && !world_.backups.empty() && world_.backups.back().done()) {
            backup = incremental(id.text(), world_.backups.back().id.text(), place);
        }
        if (kind == 10) backup.keep = Keep::full;
        if (kind == 11) backup.keep = Keep::standalone;
        world_.backups.push_back(std::move(backup));
    }

    std::mt19937_64& random_;
    World world_;
    std::uint32_t current_ = 1;
};

RetentionPolicy any_policy(std::mt19937_64& random) {
    const int count = std::uniform_int_distribution(1, 20)(random);
    if (random() % 2 == 0) return Redundancy{count % 5 + 1};
    return RecoveryWindow{std::chrono::days(count)};
}

const Backup* find(const World& world, const BackupId& id) {
    const auto found = std::ranges::find(world.backups, id, &Backup::id);
    return found == world.backups.end() ? nullptr : &*found;
}

// Backups that are under way, begun some time ago, in the order that they began in; others have ended meanwhile.
void begin_some(World& world, std::mt19937_64& random) {
    std::vector<Backup> running;
    for (auto left = random() % 3; left > 0; --left) {
        std::vector<std::size_t> done_ones;
        for (std::size_t at = 0; at < world.backups.size(); ++at) {
            if (world.backups[at].done()) done_ones.push_back(at);
        }
        if (done_ones.empty()) return;
        const auto& parent =
            world.backups[done_ones[done_ones.size() - 1 - random() % std::min<std::size_t>(3, done_ones.size())]];
        std::set<BackupId> taken;
        for (const auto& it : world.backups) taken.insert(it.id);
        for (const auto& it : running) taken.insert(it.id);
        running.push_back(under_way(BackupId::next(world.now, taken).text(), parent.id.text()));
    }
    std::ranges::move(running, std::back_inserter(world.backups));
}

// What is under way now is done later, and can be restored then.
void check_running(const World& after) {
    for (const auto& backup : after.backups) {
        if (backup.done() || backup.kind != Kind::incremental) continue;
        CAPTURE(backup.id.text());
        for (auto parent = backup.parent(); parent;) {
            const auto* found = find(after, *parent);
            REQUIRE(found != nullptr);
            CHECK(found->done());
            parent = found->parent();
        }
    }
}

// As `backup expire` does it.
World expired(const World& before, const RetentionPolicy& policy) {
    World after = before;
    const auto plan = plan_expiry(before.backups, policy, before.now, before.histories());
    after.backups.clear();
    for (std::size_t at = 0; at < before.backups.size(); ++at) {
        if (stays(plan.backups[at].reason)) after.backups.push_back(before.backups[at]);
    }
    if (plan.wal) {
        std::erase_if(after.files,
                      [&](const std::string& name) { return plan.wal->may_go(*wal::parse_archive_name(name)); });
    }
    return after;
}

void check_restorable(const World& before, const World& after) {
    for (const auto& backup : after.backups) {
        if (!backup.done()) continue;
        CAPTURE(backup.id.text());
        CHECK(after.is_consistent(backup));
        if (backup.keep != Keep::standalone) CHECK(after.reachable(backup) == before.reachable(backup));
        const auto parent = backup.parent();
        CHECK((!parent || find(after, *parent) != nullptr));
    }
}

// To every moment of the policy's window, if it was possible before.
void check_policy(const World& before, const World& after, const RetentionPolicy& policy) {
    const auto count = [](const World& world) {
        return std::ranges::count_if(world.backups,
                                     [](const Backup& it) { return it.done() && it.kind == Kind::full; });
    };
    if (const auto* redundancy = std::get_if<Redundancy>(&policy)) {
        CHECK(count(after) >= std::min<std::ptrdiff_t>(redundancy->backups, count(before)));
        // A standalone one counts, and leads nowhere.
        if (std::ranges::any_of(before.backups, [](const Backup& it) { return it.keep == Keep::standalone; })) return;
        CHECK(after.leading(Kind::full) >= std::min<std::ptrdiff_t>(redundancy->backups, before.leading(Kind::full)));
        return;
    }
    CHECK(after.leading({}) >= std::min<std::ptrdiff_t>(1, before.leading({})));
    const auto begin = before.now - std::get<RecoveryWindow>(policy).days;
    for (WallTime time = begin; time <= before.now; time += std::chrono::hours(6)) {
        const auto serves = [&](const Backup& it) {
            return it.done() && it.keep != Keep::standalone && it.info->end->time <= time;
        };
        CHECK(std::ranges::any_of(before.backups, serves) == std::ranges::any_of(after.backups, serves));
    }
}

}  // namespace

TEST_CASE("after any expiry every backup that stays is restorable as before, and the policy holds") {
    std::mt19937_64 random(seed());
    for (int run = 0; run < 400; ++run) {
        CAPTURE(run);
        World made = Maker(random).make();
        begin_some(made, random);
        const World before = std::move(made);
        const auto policy = any_policy(random);
        const World after = expired(before, policy);
        check_restorable(before, after);
        check_policy(before, after, policy);
        check_running(after);
        // There is nothing left to do.
        const World again = expired(after, policy);
        CHECK(again.files == after.files);
        CHECK(again.backups.size() == after.backups.size());
    }
}
