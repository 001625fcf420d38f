// An incremental backup as a whole, over a server that the test speaks for.

#include <boost/asio/io_context.hpp>

#include "backup/catalog_commands.hpp"
#include "backup/incremental_backup.hpp"
#include "backups.hpp"
#include "codec/compressor.hpp"
#include "support/catch.hpp"
#include "support/fake_object_store.hpp"
#include "support/fake_pg_session.hpp"
#include "support/temporary_directory.hpp"
#include "tar_bytes.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;
using namespace pgbosun::test;

namespace {

const std::string full = "20261101T000000";
constexpr auto label =
    "START WAL LOCATION: 0/5000028 (file 000000010000000000000005)\nCHECKPOINT LOCATION: 0/5000060\n"
    "BACKUP METHOD: streamed\nBACKUP FROM: primary\nSTART TIME: 2026-11-21 01:41:32 UTC\nLABEL: pgbosun\n"
    "START TIMELINE: 1\nINCREMENTAL FROM LSN: 0/2000028\nINCREMENTAL FROM TLI: 1\n";

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string zst(std::string_view content) {
    std::vector<std::byte> out;
    const auto compressor = codec::make_compressor(Compression::zstd, 1);
    REQUIRE((*compressor)->begin(content.size(), out));
    REQUIRE((*compressor)->append(bytes_of(content), out));
    REQUIRE((*compressor)->finish(out));
    return {reinterpret_cast<const char*>(out.data()), out.size()};
}

class FakeStream final : public BackupStream {
public:
    std::function<void()> meanwhile;

    Result<BackupStreamEnd> incremental(const BackupStreamOrders&,
                                        const std::function<Result<>(const Sink&)>& parent_manifest,
                                        BackupStreamVisitor& visitor) override {
        const auto ignored = [](std::span<const std::byte>) -> Result<> { return {}; };
        if (auto fed = parent_manifest(ignored); !fed) return std::unexpected(fed.error());
        const std::string tar = tar_file("backup_label", label) + tar_file("base/5/INCREMENTAL.1259", "changed") +
                                tar_file("global/pg_control", "control") + tar_end();
        auto sent = visitor.begin(Lsn{0x5000028}, Timeline{1});
        if (sent) sent = visitor.tar("base.tar");
        if (sent) sent = visitor.content(bytes_of(tar));
        if (sent) sent = visitor.manifest();
        if (sent) sent = visitor.content(bytes_of("{}\n"));
        if (!sent) return std::unexpected(sent.error());
        if (meanwhile) meanwhile();
        return BackupStreamEnd{Lsn{0x5000100}, Timeline{1}};
    }
};

Result<Rows> answer(const std::string& sql) {
    const auto row = [](std::vector<Field> fields) { return Rows{{}, {std::move(fields)}}; };
    if (sql == server_sql) {
        return row({"170011", "7710436416726794584", "f", "t", "t", "t", "16777216", "8192", "131072", "/v/pgdata", "",
                    "", "", "PG_17_202406281", std::nullopt, "41", "1"});
    }
    if (sql == tablespaces_sql) return Rows{};
    return row({"1790000000000000"});
}

struct Scene {
    Scene() {
        const auto parent = done(full);
        const auto prefix = backup_prefix("orders", parent.id);
        store.plant(prefix + "data.tar.zst", "data");
        store.plant(prefix + "backup_manifest.zst", zst("{}\n"));
        store.plant(backup_info_key("orders", parent.id), render(*parent.info));
        store.plant("orders/wals/0000000100000000/000000010000000000000005.zst", "wal");
        server->answer = [](const std::string& sql, const std::vector<Field>&) { return answer(sql); };
    }

    Result<BackupInfo> run() {
        IncrementalBackup job(
            {.server = "orders", .instance = "pg-1", .name = std::nullopt, .data = {}, .state_directory = state.path()},
            {.data = store,
             .records = store,
             .session = session,
             .stop = stop.get_token(),
             .report = [](const JobProgress&) {},
             .switch_primary_wal = {}},
            stream);
        return job.run();
    }
    std::vector<Backup> backups() {
        auto list = Catalog(store, "orders").list();
        REQUIRE(list);
        return *std::move(list);
    }

    FakeObjectStore store;
    TemporaryDirectory state;
    std::shared_ptr<FakeServer> server = std::make_shared<FakeServer>();
    FakePgSession libpq{server};
    boost::asio::io_context io;
    std::stop_source stop;
    ServerSession session{io, libpq, stop.get_token()};
    FakeStream stream;
};

}  // namespace

TEST_CASE("an incremental backup says from its claim on what it builds on") {
    Scene scene;
    std::optional<BackupId> parent;
    scene.stream.meanwhile = [&] {
        const auto running = scene.backups().back();
        CHECK_FALSE(running.info);
        REQUIRE(running.claim);
        CHECK(running.claim->instance == "pg-1");
        parent = running.parent();
        Catalog catalog(scene.store, "orders");
        CHECK(delete_backup(catalog, full, Force::yes, running.id.time()).error().kind == FaultKind::refused);
    };

    REQUIRE(scene.run());

    CHECK(parent == BackupId::parse(full));
    REQUIRE(scene.backups().size() == 2);
    const auto made = scene.backups().back();
    CHECK(made.done());
    CHECK(made.parent() == BackupId::parse(full));
    CHECK_FALSE(scene.store.object(claim_key("orders", made.id, made.kind)));
}

TEST_CASE("an incremental backup whose parent goes while it is taken is never called done") {
    Scene scene;
    scene.stream.meanwhile = [&] {
        const auto gone = Catalog(scene.store, "orders").find(full);
        REQUIRE(gone);
        REQUIRE(Catalog(scene.store, "orders").remove(*gone));
    };

    const auto taken = scene.run();

    REQUIRE_FALSE(taken);
    CHECK(taken.error().what.find("builds on " + full + ", which is not there any more") != std::string::npos);
    REQUIRE(scene.backups().size() == 1);
    CHECK(scene.backups().front().info->status == BackupStatus::failed);
}
