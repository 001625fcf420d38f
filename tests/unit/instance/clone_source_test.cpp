#include "instance/clone_source.hpp"

#include <functional>

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::instance;

namespace {

constexpr std::uint64_t megabyte = 1 << 20;
constexpr Lsn begin{0x10000000};
constexpr Lsn end{0x10000100};
constexpr Lsn now{begin.value + 25 * megabyte};  // a quarter of the data later, to the byte
const WallTime noon{std::chrono::hours(12)};

// What the choice is made from; a row of the table changes one thing.
struct World {
    CloneFrom wanted = CloneFrom::quicker;
    CatalogSummary archive;
    Upstream upstream;
    std::optional<std::uint64_t> data_bytes = 100 * megabyte;

    World() {
        upstream.system_id = SystemId{7};
        upstream.history = {Timeline{2}, {{Timeline{1}, begin, ""}}};
        upstream.position = {Timeline{2}, now};
        archive.backups = {full()};
        archive.recoverable_from = noon;
        archive.last_wal = "000000020000000000000011";
    }
    static CatalogEntry full() {
        CatalogEntry entry;
        entry.id = "20261121T010000";
        entry.status = "done";
        entry.kind = "full";
        entry.begin_lsn = to_string(begin);
        entry.end_lsn = to_string(end);
        entry.end_at = noon;
        entry.timeline = 2;
        entry.bytes = 100 * megabyte;
        entry.system_id = 7;
        return entry;
    }
    static CatalogEntry later(const std::string& status) {
        auto entry = full();
        entry.id = "20261122T010000";
        entry.status = status;
        return entry;
    }
    static CatalogEntry increment(const std::string& parent) {
        auto entry = later("done");
        entry.kind = "incremental";
        entry.parent = parent;
        entry.bytes = 1;
        return entry;
    }
    CatalogEntry& backup() { return archive.backups.front(); }
    // The primary left timeline 1 at `fork`, and the backup is of that.
    void ancestor(Lsn fork) {
        backup().timeline = 1;
        upstream.history.ancestors.front().fork = fork;
    }
    [[nodiscard]] CloneChoice choice() const { return choose_clone_source(wanted, archive, upstream, data_bytes); }
};

constexpr Lsn one_less(Lsn lsn) { return Lsn{lsn.value - 1}; }
constexpr Lsn one_more(Lsn lsn) { return Lsn{lsn.value + 1}; }

}  // namespace

TEST_CASE("a clone comes from the archive when that is possible and quicker, else from the primary") {
    struct Row {
        const char* name;
        std::function<void(World&)> change;
        CloneSource source;
        std::string_view why;
    };
    using enum CloneSource;
    constexpr std::string_view little = "little WAL has been written since the backup began";
    constexpr std::string_view much = "much WAL has been written since the backup began";
    constexpr std::string_view lacks = "the archive lacks WAL since the backup began";
    constexpr std::string_view left = "the primary's history left the backup's timeline before the backup ended";
    constexpr std::string_view beside = "the archive has a timeline that is not in the primary's history";
    constexpr std::string_view larger = "the backup is much larger than the primary's data is now";
    constexpr std::string_view chain = "the backup's chain is not whole";
    const auto wanted = [](World& w) { w.wanted = CloneFrom::archive; };
    const auto rows = {
        Row{"WAL of a quarter of the data", [](World&) {}, archive, little},
        Row{"WAL of a byte more", [](World& w) { w.upstream.position.lsn = one_more(now); }, primary, much},
        Row{"much WAL, and the archive is wanted",
            [&](World& w) {
                w.upstream.position.lsn = Lsn{now.value * 9};
                wanted(w);
            },
            archive, "it is configured so"},
        Row{"the archive is wanted, and another system's",
            [&](World& w) {
                w.backup().system_id = 8;
                wanted(w);
            },
            primary, "the backup is of another system"},

        Row{"no backup", [](World& w) { w.archive.backups.clear(); }, primary, "the archive has no backup"},
        Row{"only a failed backup", [](World& w) { w.archive.backups = {World::later("failed")}; }, primary,
            "the archive has no backup"},
        Row{"another system's", [](World& w) { w.backup().system_id = 8; }, primary, "the backup is of another system"},
        Row{"nobody knows which system's", [](World& w) { w.backup().system_id = 0; }, primary,
            "the backup does not say of which system it is"},
        Row{"a position that cannot be read", [](World& w) { w.backup().begin_lsn = "x"; }, primary, chain},

        Row{"of an ancestor, ended at the fork", [](World& w) { w.ancestor(end); }, archive, little},
        Row{"of an ancestor, ended a byte after the fork", [](World& w) { w.ancestor(one_less(end)); }, primary, left},
        Row{"of a timeline that the primary was never on", [](World& w) { w.backup().timeline = 3; }, primary,
            "the backup's timeline is not in the primary's history"},
        Row{"ended where the primary is", [](World& w) { w.upstream.position.lsn = end; }, archive, little},
        Row{"ended a byte after what the primary has", [](World& w) { w.upstream.position.lsn = one_less(end); },
            primary, left},

        Row{"a hole before the backup",
            [](World& w) {
                w.archive.holes = {{"000000010000000000000001", "000000010000000000000001", 1}};
                w.archive.hole_count = 1;
            },
            archive, little},
        Row{"a hole after the backup", [](World& w) { *w.archive.recoverable_from += std::chrono::microseconds(1); },
            primary, lacks},
        Row{"nothing can be recovered", [](World& w) { w.archive.recoverable_from.reset(); }, primary, lacks},
        Row{"a history is missing",
            [](World& w) {
                w.archive.holes = {{"00000002.history", "00000002.history", 1}};
                w.archive.hole_count = 1;
            },
            primary, lacks},
        Row{"more holes than are told", [](World& w) { w.archive.hole_count = 1; }, primary, lacks},
        Row{"the archive ends on an ancestor", [](World& w) { w.archive.last_wal = "000000010000000000000010"; },
            archive, little},
        Row{"the archive went on elsewhere", [](World& w) { w.archive.last_wal = "000000030000000000000010"; }, primary,
            beside},
        Row{"the archive has no WAL", [](World& w) { w.archive.last_wal.clear(); }, primary, beside},

        Row{"a backup twice as large as the data", [](World& w) { w.data_bytes = 50 * megabyte; }, archive, little},
        Row{"a backup more than twice as large", [](World& w) { w.data_bytes = 50 * megabyte - 1; }, primary, larger},
        Row{"the data's size is not known", [](World& w) { w.data_bytes.reset(); }, archive, little},
        Row{"Barman does not tell the backup's size",
            [](World& w) {
                w.backup().bytes = 0;
                w.backup().stored = 100 * megabyte;
            },
            archive, little},
        Row{"nobody tells any size", [](World& w) { w.backup().bytes = 0; }, primary, "the backup's size is not known"},
    };
    for (const auto& row : rows) {
        World world;
        row.change(world);
        const auto choice = world.choice();
        INFO(row.name);
        CHECK(choice.source == row.source);
        CHECK(choice.why == row.why);
    }
}

TEST_CASE("the newest backup of the primary's history is taken") {
    World world;
    world.archive.backups.push_back(World::later("done"));
    CHECK(world.choice().backup->id == "20261122T010000");

    world.archive.backups.back().status = "unfinished";
    CHECK(world.choice().backup->id == "20261121T010000");

    world.archive.backups.back() = World::later("done");
    world.archive.backups.back().timeline = 3;
    CHECK(world.choice().source == CloneSource::archive);
    CHECK(world.choice().backup->id == "20261121T010000");
}

TEST_CASE("an incremental backup counts with the size of its full one, and only with its whole chain") {
    World world;
    world.archive.backups.push_back(World::increment("20261121T010000"));
    CHECK(world.choice().source == CloneSource::archive);
    CHECK(world.choice().backup->id == "20261122T010000");
    CHECK(world.choice().backup->bytes == 100 * megabyte);

    world.archive.backups.back().parent = "20261101T010000";
    CHECK(world.choice().backup->id == "20261121T010000");

    world.archive.backups.back().parent = "20261122T010000";  // itself
    world.archive.backups.erase(world.archive.backups.begin());
    CHECK(world.choice().why == "the backup's chain is not whole");
}

TEST_CASE("the choice tells what it rests on") {
    World world;
    world.upstream.position.lsn = one_more(now);
    const auto backup = world.choice().backup;
    REQUIRE(backup);
    CHECK(backup->begin == Position{Timeline{2}, begin});
    CHECK(backup->end == end);
    CHECK(backup->wal_bytes == 25 * megabyte + 1);
    CHECK(backup->ended_at == noon);
}
