// What becomes of the data that a rewind or a clone replaces.
#include "supervision/old_data.hpp"

#include "former.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;

namespace {

const std::string marker = "/volume/pgbosun/bootstrapping";
const std::string kept = "/volume/pgdata.old/PG_VERSION";
const std::string in_place = "/volume/pgdata/PG_VERSION";
constexpr std::uint64_t gigabyte = std::uint64_t{1} << 30;

// One with nothing left to archive; by default pg_rewind is for it.
struct Data : test::Former {
    Data() {
        files.nodes.erase(test::mark);
        files.add_file(in_place, "15\n");
    }
    bool has(const std::string& path) { return files.nodes.contains(path); }
    std::string content(const std::string& path) { return has(path) ? files.nodes[path].content : "nothing"; }
    // A standby whose data parted from the primary's.
    void parted() {
        inspection.usable->start = postgres::StartMode::standby;
        attempts.parted = "other bytes";
    }
    void leave(std::string text) { files.add_file(marker, std::move(text)); }
    const Command& command(std::size_t index) { return processes.children.at(index).command; }
    std::string name(std::size_t index) {
        const auto& it = command(index);
        return it.program.ends_with("archiver") ? it.arguments.at(0) + " " + it.arguments.at(1) : it.program;
    }
    void until_end_of(std::size_t child, int code) {
        end(child, code);
        test::run_until(loop, [&] { return report || processes.children.size() > child + 1; });
    }
    void until_next() {
        test::run_until(loop, [&] { return report || !processes.children.empty(); });
    }
    void forget() {
        bool forgotten = false;
        boost::asio::co_spawn(loop, rejoiner.forget_old_data(settings), [&](std::exception_ptr) { forgotten = true; });
        test::run_until(loop, [&] { return forgotten; });
    }
};

}  // namespace

TEST_CASE("a pg_rewind that cannot be started changes nothing, and is tried again") {
    Data it;
    const std::string what = GENERATE("start", "configuration", "secret");
    INFO(what);
    if (what == "start") {
        it.processes.refuse = [](const Command&) -> Result<> {
            return fail(FaultKind::unavailable, "no answer within one second");
        };
    } else if (what == "configuration") {
        it.files.fault = [](std::string_view verb, const std::string& path) -> std::optional<Fault> {
            if (verb != "write_durably" || !path.ends_with("rewind.conf")) return std::nullopt;
            return Fault{FaultKind::unavailable, "no space", ""};
        };
    } else {
        it.settings.postgresql.replication.password_file = "/secrets/replication";
    }

    it.begin();
    it.until_next();

    REQUIRE(it.report);
    CHECK(it.report->outcome == instance::BootstrapOutcome::failed);
    CHECK(it.plans == std::vector<std::string>{"rewind"});
    CHECK(it.has(in_place));
    CHECK_FALSE(it.has(marker));

    it.report.reset();
    it.processes.refuse = [](const Command&) { return Result<>(); };
    it.files.fault = {};
    it.mounts.add_file("/secrets/replication", "hush\n");
    it.begin();
    it.until_next();
    CHECK(it.name(0) == "/bin/pg_rewind");
    CHECK(it.content(marker) == rewind_marker);
    it.until_end_of(0, 0);
    CHECK(it.report->outcome == instance::BootstrapOutcome::done);
}

TEST_CASE("what pg_rewind has failed on is kept, also when pgbosun was killed meanwhile") {
    Data it;
    const bool killed = GENERATE(false, true);
    if (killed) {
        it.leave(std::string(rewind_marker));
        it.inspection.usable.reset();
        it.begin();
        it.until_next();
    } else {
        it.begin();
        it.until_next();
        it.until_end_of(0, 1);
    }

    CHECK(it.name(it.processes.children.size() - 1) == "/bin/pg_basebackup");
    CHECK(it.has(kept));
    CHECK(it.content(marker) == "pg_basebackup\n");
}

TEST_CASE("a volume that does not say what is there has nothing removed") {
    Data it;
    const std::string silent = GENERATE(as<std::string>(), marker, "/volume/pgdata", "/volume/pgdata.old");
    const bool unfinished = GENERATE(false, true);
    INFO(silent << (unfinished ? ", unfinished" : ""));
    it.parted();
    if (unfinished) {
        it.leave(std::string(rewind_marker));
        it.inspection.usable.reset();
    }
    it.files.add_file("/volume/pgdata.old/precious", "");
    if (silent == "/volume/pgdata") it.files.nodes.erase("/volume/pgdata.old/precious");
    if (silent == "/volume/pgdata") it.files.nodes.erase("/volume/pgdata.old");
    it.files.fault = [&](std::string_view verb, const std::string& path) -> std::optional<Fault> {
        if (path != silent || (verb != "inspect" && verb != "read")) return std::nullopt;
        return Fault{FaultKind::unavailable, "the disk does not answer", ""};
    };

    it.begin();
    it.until_next();

    REQUIRE(it.report);
    CHECK(it.report->outcome == instance::BootstrapOutcome::failed);
    CHECK(it.report->reason == "the disk does not answer");
    CHECK(it.files.changes.empty());
}

TEST_CASE("what a clone left that was not finished does not take the place of the old data") {
    Data it;
    it.inspection.usable.reset();
    it.leave("pg_basebackup\n");
    it.files.add_file("/volume/pgdata.old/precious", "");

    it.begin();
    it.until_next();

    CHECK(it.name(0) == "/bin/pg_basebackup");
    CHECK(it.has("/volume/pgdata.old/precious"));
    CHECK_FALSE(it.has(in_place));
}

TEST_CASE("a clone that never streamed does not take the place of the old data, what has been the primary does") {
    Data it;
    it.parted();
    const bool served = GENERATE(false, true);
    if (served) it.inspection.usable->start = postgres::StartMode::primary;
    it.files.add_file("/volume/pgdata.old/precious", "");

    it.begin();
    it.until_next();

    CHECK(it.name(0) == "/bin/pg_basebackup");
    CHECK(it.has("/volume/pgdata.old/precious") != served);
    CHECK(it.has(kept) == served);
    CHECK_FALSE(it.has(in_place));
    if (!served) CHECK(it.journal == std::vector<std::string>{"clone: a clone that never streamed is made anew"});
}

TEST_CASE("old data whose removal is not over is not taken for kept data") {
    Data it;
    it.files.add_file(kept, "15\n");
    it.files.fault = [](std::string_view verb, const std::string&) -> std::optional<Fault> {
        if (verb != "remove_tree") return std::nullopt;
        return Fault{FaultKind::unavailable, "it takes too long", ""};
    };
    it.forget();
    CHECK_FALSE(it.has(kept));
    CHECK(it.has("/volume/pgdata.removing/PG_VERSION"));

    it.files.fault = {};
    it.parted();
    it.begin();
    it.until_next();
    CHECK(it.has(kept));
    it.forget();
    CHECK_FALSE(it.has("/volume/pgdata.removing"));
    CHECK_FALSE(it.has("/volume/pgdata.old"));
}

TEST_CASE("what a clone has replaced stays where that is wanted, until the next clone or another wish") {
    const std::string replaced = "/volume/pgdata.replaced/PG_VERSION";
    Data it;
    it.settings.bootstrap.keep_replaced_data = true;
    it.files.add_file(kept, "14\n");
    it.files.add_file("/volume/pgdata.replaced/older", "");
    it.forget();
    CHECK(it.content(replaced) == "14\n");
    CHECK_FALSE(it.has("/volume/pgdata.replaced/older"));
    CHECK_FALSE(it.has(kept));
    it.forget();
    CHECK(it.has(replaced));

    SECTION("the next clone") {
        it.parted();
        it.begin();
        it.until_next();
        CHECK_FALSE(it.has(replaced));
        CHECK(it.content(kept) == "15\n");
    }
    SECTION("another wish") {
        it.settings.bootstrap.keep_replaced_data = false;
        it.forget();
        CHECK_FALSE(it.has(replaced));
        CHECK_FALSE(it.has("/volume/pgdata.removing"));
    }
}

TEST_CASE("what is kept for a clone is not removed by a removal that was begun before it") {
    Data it;
    it.files.add_file("/volume/pgdata.removing/PG_VERSION", "15\n");
    // While that is removed, which takes long, the data parts again and is cloned.
    it.files.fault = [&](std::string_view verb, const std::string& path) -> std::optional<Fault> {
        if (verb != "remove_tree" || path != "/volume/pgdata.removing") return std::nullopt;
        it.files.fault = {};
        it.parted();
        it.begin();
        it.until_next();
        return std::nullopt;
    };
    it.forget();
    CHECK_FALSE(it.has("/volume/pgdata.removing"));
    CHECK(it.has(kept));
}

TEST_CASE("what the data has outside of itself is set aside before it is moved, and removed with it") {
    Data it;
    it.parted();
    const bool wal = GENERATE(true, false);
    const std::string link = wal ? "/volume/pgdata/pg_wal" : "/volume/pgdata/pg_tblspc/16384";
    it.files.add_file(link, "");
    it.files.nodes[link].type = FileType::link;
    if (wal) it.settings.postgresql.wal_dir = "/wal";

    it.begin();
    it.until_next();
    CHECK(it.name(0) == "linked-data set-aside");
    const auto& words = it.command(0).arguments;
    CHECK(words.back() == (wal ? "/wal/pg_wal" : "json"));
    CHECK(it.command(0).arguments.at(3) == "/volume/pgdata");
    CHECK(it.content(marker) == keeping_marker);
    CHECK(it.has(in_place));
    it.processes.say(0, "done\n");
    it.until_end_of(0, 0);
    CHECK(it.name(1) == "/bin/pg_basebackup");
    CHECK(it.has(kept));
    it.until_end_of(1, 0);

    bool forgotten = false;
    boost::asio::co_spawn(it.loop, it.rejoiner.forget_old_data(it.settings),
                          [&](std::exception_ptr) { forgotten = true; });
    test::run_until(it.loop, [&] { return it.processes.children.size() == 3; });
    CHECK(it.name(2) == "linked-data remove-kept");
    CHECK(it.command(2).arguments.at(3) == "/volume/pgdata.removing");
    CHECK(it.has("/volume/pgdata.removing/PG_VERSION"));
    it.processes.say(2, "done\n");
    it.end(2, 0);
    test::run_until(it.loop, [&] { return forgotten; });
    CHECK_FALSE(it.has("/volume/pgdata.removing"));
}

TEST_CASE("killed while the old data is set aside, that is finished before anything else") {
    Data it;
    it.inspection.usable.reset();
    it.leave(std::string(keeping_marker));
    it.files.add_file("/volume/pgdata/pg_tblspc/16384", "");

    it.begin();
    it.until_next();
    CHECK(it.name(0) == "linked-data set-aside");
    it.processes.say(0, "done\n");
    it.until_end_of(0, 0);

    CHECK(it.name(1) == "/bin/pg_basebackup");
    CHECK(it.has(kept));
}

TEST_CASE("what cannot be set aside is refused and left, and what pg_rewind has changed is still known as that") {
    Data it;
    it.parted();
    const bool rewound = GENERATE(false, true);
    if (rewound) {
        it.leave(std::string(rewind_marker));
        it.inspection.usable.reset();
    }
    it.files.add_file("/volume/pgdata/pg_tblspc/16384", "");

    it.begin();
    it.until_next();
    it.processes.say(0, "failed\n");
    it.until_end_of(0, 3);

    REQUIRE(it.report);
    CHECK(it.report->outcome == instance::BootstrapOutcome::refused);
    CHECK(it.report->reason == "the data that the clone is to replace: so it was");
    CHECK(it.has(in_place));
    CHECK(it.content(marker) == (rewound ? rewind_marker : "nothing"));
}

TEST_CASE("the tablespaces of data that was not finished are emptied before it is removed") {
    Data it;
    it.inspection.usable.reset();
    it.leave("pg_basebackup\n");
    it.files.add_file("/volume/pgdata/pg_tblspc/16384", "");

    it.begin();
    it.until_next();
    CHECK(it.name(0) == "linked-data empty");
    CHECK(it.has(in_place));
    it.processes.say(0, "done\n");
    it.until_end_of(0, 0);

    CHECK(it.name(1) == "/bin/pg_basebackup");
    CHECK_FALSE(it.has(in_place));
}

TEST_CASE("old data for which there is no room is given up when a primary answers for it") {
    Data it;
    it.parted();
    it.data_bytes = std::to_string(100 * gigabyte);
    const auto [available, total] = GENERATE(table<std::uint64_t, std::uint64_t>({{106, 200}, {104, 200}, {1, 104}}));
    it.files.room = {total * gigabyte, available * gigabyte};
    INFO(available << " of " << total);

    it.begin();
    it.until_next();

    if (total == 104) {
        REQUIRE(it.report);
        CHECK(it.report->outcome == instance::BootstrapOutcome::failed);
        CHECK(it.report->reason ==
              "the volume is too small for a clone of the primary: the clone needs 107520 MB and "
              "the volume has 1024 MB of 106496 MB");
        CHECK(it.has(in_place));
        CHECK(it.files.changes.empty());
        return;
    }
    CHECK(it.name(0) == "/bin/pg_basebackup");
    CHECK_FALSE(it.has(in_place));
    CHECK(it.has(kept) == (available == 106));
    if (available == 106) return;
    CHECK(it.journal ==
          std::vector<std::string>{"clone: the old data is not kept, for there is no room for it: the clone needs "
                                   "107520 MB and the volume has 106496 MB of 204800 MB"});
}

TEST_CASE("old data is not given up while it has WAL that is nowhere else") {
    Data it;
    it.parted();
    it.data_bytes = std::to_string(100 * gigabyte);
    it.files.room = {200 * gigabyte, gigabyte};
    it.files.add_file(test::mark, "");
    const int code = GENERATE(1, 3);  // 1: the archiver's program has kept all of it

    it.begin();
    it.until_next();
    CHECK(it.command(0).arguments.at(0) == "left-behind");
    it.processes.say(0, "failed\n");
    it.until_end_of(0, code);

    if (code == 1) {
        CHECK(it.name(1) == "/bin/pg_basebackup");
        return;
    }
    REQUIRE(it.report);
    CHECK(it.report->outcome == instance::BootstrapOutcome::failed);
    CHECK(it.report->reason.find("neither archived nor kept") != std::string::npos);
    CHECK_FALSE(it.report->hint.empty());
    CHECK(it.has(in_place));
    CHECK(it.files.changes.empty());
}

TEST_CASE("a clone that has no room says so") {
    Data it;
    it.parted();

    it.begin();
    it.until_next();
    it.processes.say(0, "pg_basebackup: error: could not write to file \"x\": No space left on device\n");
    it.until_end_of(0, 1);

    REQUIRE(it.report);
    CHECK(it.report->hint.starts_with("make room or enlarge the volume"));
}

TEST_CASE("an unfinished bootstrap begins anew however much is in its WAL directory") {
    Data it;
    it.inspection.usable.reset();
    it.settings.postgresql.wal_dir = "/wal";
    for (int i = 0; i < 12; ++i) it.files.add_file("/wal/pg_wal/" + std::to_string(i), "");
    const std::string found = GENERATE("ours", "not ours", "no answer");
    INFO(found);
    if (found != "not ours") it.leave("pg_basebackup\n");
    it.files.fault = [&](std::string_view verb, const std::string& path) -> std::optional<Fault> {
        if (found != "no answer" || verb != "inspect" || path != marker) return std::nullopt;
        return Fault{FaultKind::unavailable, "the disk does not answer", ""};
    };

    it.begin();
    it.until_next();

    CHECK(it.has("/wal/pg_wal/0") == (found != "ours"));
    if (found == "ours") {
        CHECK(it.name(0) == "/bin/pg_basebackup");
        return;
    }
    REQUIRE(it.report);
    const bool refused = it.report->reason.find("is not empty") != std::string::npos;
    CHECK(refused == (found == "not ours"));
}
