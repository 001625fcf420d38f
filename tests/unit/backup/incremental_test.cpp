#include <algorithm>
#include <filesystem>
#include <fstream>

#include "backup/backup_chain.hpp"
#include "backup/parent_choice.hpp"
#include "backup/restore_staging.hpp"
#include "backup/streamed_tar.hpp"
#include "backups.hpp"
#include "support/catch.hpp"
#include "support/fake_object_store.hpp"
#include "support/read_file.hpp"
#include "support/temporary_directory.hpp"
#include "tar_bytes.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;
using namespace pgbosun::test;
namespace fs = std::filesystem;

namespace {

const std::string full = "20261101T000000", second = "20261102T000000", third = "20261103T000000";

BackupServer server() {
    BackupServer server{.version = 170011,
                        .system_id = SystemId{7710436416726794584},
                        .summarizing = true,
                        .segment_size = *wal::SegmentSize::from_bytes(16 << 20)};
    return server;
}

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

void write_file(const std::string& path, std::string_view text) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << text;
}

std::string content(const FakeObjectStore& store, const std::string& key) {
    const auto object = store.object(key);
    REQUIRE(object);
    return {reinterpret_cast<const char*>(object->body.data()), object->body.size()};
}

}  // namespace

TEST_CASE("a chain leads from the full backup to the one that is wanted") {
    const std::vector all{done(full), incremental(second, full), incremental(third, second)};

    const auto chain = chain_of(all, all[2]);

    REQUIRE(chain);
    REQUIRE(chain->size() == 3);
    CHECK((*chain)[0].id.text() == full);
    CHECK((*chain)[2].id.text() == third);
    CHECK(chain_of(all, all[0])->size() == 1);
}

TEST_CASE("a chain that lacks a part, or bites its tail, is refused") {
    auto undone = done(full);
    undone.info->status = BackupStatus::failed;
    const std::vector<std::vector<Backup>> table{
        {incremental(second, full)},
        {undone, incremental(second, full)},
        {incremental(second, second)},
        {incremental(second, third), incremental(third, second)},
        {done(third), incremental(second, third)},
    };
    for (const auto& all : table) {
        const auto chain = chain_of(all, *std::ranges::find(all, Kind::incremental, &Backup::kind));
        REQUIRE_FALSE(chain);
        CHECK(chain.error().kind == FaultKind::refused);
    }
}

TEST_CASE("a backup is whole when all that it builds on is done") {
    const auto ids = [](const std::vector<Backup>& backups) {
        std::vector<std::string> texts;
        for (const auto& id : whole_backups(backups)) texts.push_back(id.text());
        return texts;
    };
    using Texts = std::vector<std::string>;
    CHECK(ids({done(full), incremental(second, full), incremental(third, second)}) == Texts{full, second, third});
    CHECK(ids({failed_backup(full), incremental(second, full), incremental(third, second)}).empty());
    CHECK(ids({done(full), never_finished(second), incremental(third, second)}) == Texts{full});
    CHECK(ids({incremental(second, second), incremental(third, third)}).empty());
}

TEST_CASE("an incremental backup builds on the newest that is done, when server and archive allow it") {
    auto of_another = done(third);
    of_another.info->system_id = SystemId{1};
    auto older_version = done(third);
    older_version.info->version = 160004;
    auto snapshots = done(third);
    snapshots.info->snapshots = true;

    const auto newest = [](const std::vector<Backup>& all) { return choose_parent(all, server()); };
    CHECK(newest({done(full), incremental(second, full), failed_backup(third)})->id.text() == second);
    CHECK(newest({done(full), snapshots})->id.text() == full);
    for (const auto& impossible : std::vector<std::vector<Backup>>{{},
                                                                   {failed_backup(full)},
                                                                   {done(full), of_another},
                                                                   {done(full), older_version},
                                                                   {incremental(second, full)}}) {
        const auto parent = newest(impossible);
        REQUIRE_FALSE(parent);
        CHECK(parent.error().kind == FaultKind::refused);
    }

    auto old = server();
    old.version = 160004;
    CHECK_FALSE(choose_parent({done(full)}, old));
    auto without_summaries = server();
    without_summaries.summarizing = false;
    CHECK_FALSE(choose_parent({done(full)}, without_summaries));
}

TEST_CASE("a streamed tar becomes one of the archive, without what every server makes anew") {
    FakeObjectStore store;
    const auto compressor = *codec::make_compressor(Compression::none, 0);
    const StreamedTarOrders orders{"orders/incremental/x/", Compression::none, 1'700'000'000};
    const std::string label = "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n";
    const std::string whole = tar_file("backup_label", label) + tar_directory("./") + tar_directory("pg_wal/") +
                              tar_directory("pg_wal/archive_status/") + tar_directory("pg_tblspc/") +
                              tar_link("pg_tblspc/16384", "/fast") +
                              tar_file("base/5/INCREMENTAL.1259", std::string(20'000, 'p')) +
                              tar_file("global/pg_control", "control") + tar_end();
    {
        UploadPool pool(1, 2, streamed_part);
        StreamedTar tar(orders, std::nullopt, *compressor, pool, store);
        for (std::size_t at = 0; at < whole.size(); at += 1000) {
            REQUIRE(tar.feed(bytes_of(std::string_view(whole).substr(at, 1000))));
        }
        REQUIRE(tar.finish());
        REQUIRE(pool.wait());
        CHECK(tar.label() == label);
        CHECK(tar.has_control_file());
        CHECK(tar.bytes() == label.size() + 20'000 + 7);
    }

    const auto made = content(store, "orders/incremental/x/data.tar");
    for (const char* there : {"INCREMENTAL.1259", "backup_label", "pg_wal/", "global/pg_control"}) {
        CAPTURE(there);
        CHECK(made.find(there) != std::string::npos);
    }
    CHECK(made.find("archive_status") == std::string::npos);
    CHECK(made.find("16384") == std::string::npos);
}

TEST_CASE("a streamed tar that was cut is corrupt, and an empty tablespace has one too") {
    FakeObjectStore store;
    const auto compressor = *codec::make_compressor(Compression::none, 0);
    const StreamedTarOrders orders{"p/", Compression::none, 0};
    UploadPool pool(1, 2, streamed_part);
    {
        StreamedTar cut(orders, std::nullopt, *compressor, pool, store);
        REQUIRE(cut.feed(bytes_of(tar_file("PG_VERSION", "17\n"))));
        CHECK_FALSE(cut.finish());
    }
    StreamedTar empty(orders, 16384, *compressor, pool, store);
    REQUIRE(empty.feed(bytes_of(tar_end())));
    REQUIRE(empty.finish());
    REQUIRE(pool.wait());
    CHECK(content(store, "p/16384.tar").size() == 1024);
}

TEST_CASE("a chain is combined beside the target, on each file system for itself, and moved into it") {
    const TemporaryDirectory directory;
    auto first = done(full);
    first.info->tablespaces = {{"fast", 16384, "/old/fast"}, {"dropped", 16385, "/old/dropped"}};
    auto last = incremental(second, full);
    last.info->tablespaces = {{"fast", 16384, "/old/fast"}};
    const std::string target = directory / "pgdata", fast = directory / "a=b";
    RestoreTarget place({target, {{16384, fast}}, std::nullopt});
    REQUIRE(place.prepare(second, 0));
    RestoreStaging staging(place);

    REQUIRE(staging.prepare(first));
    REQUIRE(staging.prepare(last));
    const auto command = staging.combination({first, last}, "/pg/bin");

    CHECK(command.program == "/pg/bin/pg_combinebackup");
    const std::string staged = target + "/pgbosun.chain/";
    CHECK(command.arguments ==
          std::vector<std::string>{"--no-sync",
                                   "--tablespace-mapping=" + (directory / "a\\=b") + "/pgbosun.chain/" + second + "=" +
                                       (directory / "a\\=b") + "/pgbosun.chain/combined",
                                   "--output=" + staged + "combined", staged + full, staged + second});
    CHECK(fs::read_symlink(staged + second + "/pg_tblspc/16384") == fast + "/pgbosun.chain/" + second);
    CHECK(staging.directory(first, 16385) >= 0);

    write_file(staged + "combined/global/pg_control", "control");
    write_file(staged + "combined/base/5/1259", "table");
    fs::create_directories(staged + "combined/pg_tblspc");
    fs::create_directory_symlink(fast + "/pgbosun.chain/combined", staged + "combined/pg_tblspc/16384");
    write_file(fast + "/pgbosun.chain/combined/PG_17_202406281/5/16400", "in fast");
    REQUIRE(staging.adopt());
    REQUIRE(place.link());
    REQUIRE(place.complete());

    CHECK(read_file(target + "/global/pg_control") == "control");
    CHECK(read_file(target + "/base/5/1259") == "table");
    CHECK(read_file(target + "/pg_tblspc/16384/PG_17_202406281/5/16400") == "in fast");
    CHECK(fs::read_symlink(target + "/pg_tblspc/16384") == fast);
    CHECK_FALSE(fs::exists(target + "/pgbosun.chain"));
    CHECK_FALSE(fs::exists(fast + "/pgbosun.chain"));
}

TEST_CASE("what a killed combination left is removed by the next restore") {
    const TemporaryDirectory directory;
    const std::string target = directory / "pgdata", fast = directory / "fast";
    auto backup = incremental(second, full);
    backup.info->tablespaces = {{"fast", 16384, "/old/fast"}};
    {
        RestoreTarget killed({target, {{16384, fast}}, std::nullopt});
        REQUIRE(killed.prepare(second, 0));
        REQUIRE(RestoreStaging(killed).prepare(backup));
    }
    REQUIRE(fs::exists(fast + "/pgbosun.chain"));

    RestoreTarget next({target, {{16384, fast}}, std::nullopt});
    REQUIRE(next.prepare(second, 0));

    CHECK_FALSE(fs::exists(fast + "/pgbosun.chain"));
    CHECK_FALSE(fs::exists(target + "/pgbosun.chain"));
}
