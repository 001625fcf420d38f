#include <filesystem>
#include <fstream>
#include <sys/stat.h>

#include "backup/manifest.hpp"
#include "backup/restore.hpp"
#include "codec/compressor.hpp"
#include "codec/crc32c.hpp"
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

constexpr auto label_text =
    "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\nCHECKPOINT LOCATION: 0/2000060\n"
    "BACKUP METHOD: streamed\nBACKUP FROM: primary\nSTART TIME: 2026-11-21 01:41:32 UTC\nLABEL: test\n"
    "START TIMELINE: 1\n";

std::string zst(std::string_view content) {
    std::vector<std::byte> out;
    const auto compressor = codec::make_compressor(Compression::zstd, 1);
    REQUIRE((*compressor)->begin(content.size(), out));
    REQUIRE((*compressor)->append(std::as_bytes(std::span(content.data(), content.size())), out));
    REQUIRE((*compressor)->finish(out));
    return {reinterpret_cast<const char*>(out.data()), out.size()};
}

std::uint32_t crc(std::string_view text) {
    return codec::crc32c(0, std::as_bytes(std::span(text.data(), text.size())));
}

// A backup in a store in memory, and an empty place to restore it to.
struct Scene {
    FakeObjectStore store;
    Catalog catalog{store, "orders"};
    TemporaryDirectory directory;
    Backup backup{*BackupId::parse("20261121T014132"), Kind::full, BackupInfo{}, Keep::none};
    std::map<std::string, std::string> moved;

    Scene() {
        BackupInfo& info = *backup.info;
        info.status = BackupStatus::done;
        info.begin = WalPosition{Lsn{0x2000028}, {Timeline{1}, 0, 2}, {}};
        info.end = WalPosition{Lsn{0x2000100}, {Timeline{1}, 0, 2}, {}};
        info.timeline = Timeline{1};
        info.version = 150018;
        info.backup_label = label_text;
        plant("data.tar.zst", zst(data_tar() + tar_end()));
    }

    static std::string data_tar() {
        return tar_directory("./") + tar_file("PG_VERSION", "15\n") +
               tar_file("base/5/1259", std::string(20'000, 'p')) + tar_directory("pg_wal/") +
               tar_file("postgresql.auto.conf", "work_mem = '8MB'\n") + tar_file("postmaster.pid", "77") +
               tar_file("global/pg_control", "control") + tar_file("backup_label", label_text);
    }

    void plant(const std::string& name, const std::string& content) {
        store.plant("orders/base/20261121T014132/" + name, content);
    }
    void unplant(const std::string& name) { REQUIRE(store.remove({"orders/base/20261121T014132/" + name})); }
    void plant_manifest(std::vector<ManifestFile> files) {
        plant("backup_manifest.zst", zst(render(Manifest{.files = std::move(files)})));
    }
    [[nodiscard]] std::string target() const { return directory / "pgdata"; }
    std::string settings;  // for the restore_command
    LeftOver left_over = LeftOver::refused;
    int begun = 0;

    Result<RestoredBackup> restore(int workers = 2) {
        const auto places = places_of(*backup.info, target(), moved);
        if (!places) return std::unexpected(places.error());
        RestoreOrder order{*places,
                           workers,
                           {{"restore_command", "x"}, {"recovery_target_time", ""}},
                           {},
                           settings,
                           {},
                           left_over,
                           [this] { ++begun; }};
        Restoration restoration(catalog, {backup}, order);
        if (auto unpacked = restoration.unpack(); !unpacked) return std::unexpected(unpacked.error());
        CHECK_FALSE(restoration.combination("/bin"));
        return restoration.finish();
    }
    // The only Fault, when it is of this kind.
    std::string fault(FaultKind kind) {
        const auto restored = restore();
        REQUIRE_FALSE(restored);
        CHECK(restored.error().kind == kind);
        return restored.error().text();
    }
};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a backup becomes a data directory that recovery begins in") {
    Scene scene;

    const auto restored = scene.restore();

    REQUIRE(restored);
    const std::string target = scene.target();
    CHECK(read_file(target + "/base/5/1259") == std::string(20'000, 'p'));
    CHECK(read_file(target + "/global/pg_control") == "control");
    CHECK(read_file(target + "/backup_label") == label_text);
    CHECK(read_file(target + "/postgresql.auto.conf").starts_with("work_mem = '8MB'\n"));
    CHECK(contains(read_file(target + "/postgresql.auto.conf"), "restore_command = 'x'\nrecovery_target_time = ''\n"));
    CHECK(fs::exists(target + "/recovery.signal"));
    CHECK(fs::is_directory(target + "/pg_wal"));
    CHECK(fs::is_directory(target + "/pg_replslot"));
    CHECK_FALSE(fs::exists(target + "/postmaster.pid"));
    CHECK_FALSE(fs::exists(target + "/pgbosun.restore"));
    CHECK_FALSE(fs::exists(target + "/global/pg_control.pgbosun"));
    struct stat facts{};
    REQUIRE(::stat(target.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 07777) == 0700);
    CHECK_FALSE(restored->checked);
}

TEST_CASE("tablespaces go where they were, or where they are moved to, and are linked") {
    Scene scene;
    scene.backup.info->tablespaces = {{"fast", 16384, scene.directory / "fast"}, {"slow", 16385, "/nowhere/slow"}};
    scene.plant("16384.tar", tar_file("PG_15_202209061/5/1", "one") + tar_file("lost+found/x", "x") + tar_end());
    scene.plant("16385.tar", tar_file("PG_15_202209061/5/2", "two") + tar_end());
    scene.plant("16385_0001.tar", tar_file("PG_15_202209061/5/3", "three") + tar_end());
    scene.moved = {{"slow", scene.directory / "moved"}};

    REQUIRE(scene.restore());

    CHECK(read_file(scene.target() + "/pg_tblspc/16384/PG_15_202209061/5/1") == "one");
    CHECK(fs::read_symlink(scene.target() + "/pg_tblspc/16384") == scene.directory / "fast");
    CHECK(read_file(scene.directory / "moved/PG_15_202209061/5/2") == "two");
    CHECK(read_file(scene.directory / "moved/PG_15_202209061/5/3") == "three");
    CHECK(fs::read_symlink(scene.target() + "/pg_tblspc/16385") == scene.directory / "moved");
    CHECK_FALSE(fs::exists(scene.directory / "fast/lost+found"));
}

TEST_CASE("a place for a tablespace that cannot be is refused") {
    Scene scene;
    scene.backup.info->tablespaces = {{"a", 16384, "/a"}, {"b", 16385, "/b"}};
    struct {
        const char* what;
        std::map<std::string, std::string> moved;
    } const cases[] = {
        {"unknown", {{"c", "/c"}}},
        {"relative", {{"a", "x"}}},
        {"the same", {{"16384", "/b"}}},
        {"in the target", {{"a", scene.target() + "/x"}}},
        {"around it", {{"a", scene.directory.path()}}},
        {"the same with a slash", {{"a", "/b/"}}},
    };
    for (const auto& it : cases) {
        INFO(it.what);
        const auto places = places_of(*scene.backup.info, scene.target(), it.moved);
        REQUIRE_FALSE(places);
        CHECK(places.error().kind == FaultKind::refused);
        CHECK_FALSE(places.error().hint.empty());
    }
}

TEST_CASE("a directory that holds something is not touched") {
    Scene scene;
    fs::create_directory(scene.target());
    std::ofstream(scene.target() + "/precious") << "x";

    CHECK(contains(scene.fault(FaultKind::refused), "is not empty"));

    CHECK(fs::exists(scene.target() + "/precious"));
    CHECK(std::distance(fs::directory_iterator(scene.target()), {}) == 1);
}

TEST_CASE("pg_wal of a tar gives way to a WAL directory of its own as long as it holds no file") {
    const bool holds_a_file = GENERATE(false, true);
    const TemporaryDirectory directory;
    RestoreTarget target(RestorePlaces{directory / "pgdata", {}, directory / "wal"});
    REQUIRE(target.prepare("20261121T014132", 0));
    fs::create_directories(directory / "pgdata/pg_wal/archive_status");
    if (holds_a_file) std::ofstream(directory / "pgdata/pg_wal/archive_status/x");

    const auto linked = target.link();

    CHECK(linked.has_value() == !holds_a_file);
    if (holds_a_file) {
        CHECK(linked.error().kind == FaultKind::refused);
        CHECK(linked.error().text().find("pg_wal") != std::string::npos);
    } else {
        CHECK(fs::read_symlink(directory / "pgdata/pg_wal") == directory / "wal");
    }
}

TEST_CASE("a restored directory is not restored over, even when its marker is left") {
    Scene scene;
    REQUIRE(scene.restore());
    CHECK(contains(scene.fault(FaultKind::refused), "is not empty"));

    std::ofstream(scene.target() + "/pgbosun.restore") << "backup x\n";

    CHECK(contains(scene.fault(FaultKind::refused), "holds a restored database"));
    CHECK(fs::exists(scene.target() + "/PG_VERSION"));
}

TEST_CASE("what a killed restore left is removed, and the restore begins anew") {
    Scene scene;
    scene.backup.info->tablespaces = {{"fast", 16384, scene.directory / "fast"}};
    scene.plant("16384.tar", tar_file("PG_15_202209061/5/1", "one") + tar_end());
    fs::create_directories(scene.target() + "/global");
    fs::create_directories(scene.directory / "fast/PG_15_202209061/5");
    std::ofstream(scene.directory / "fast/PG_15_202209061/5/1") << "half";
    std::ofstream(scene.target() + "/global/pg_control.pgbosun") << "half";
    std::ofstream(scene.target() + "/stale") << "half";
    std::ofstream(scene.target() + "/pgbosun.restore")
        << "backup 20261121T014132\ntablespace " << scene.directory / "fast" << "\n";

    REQUIRE(scene.restore());

    CHECK_FALSE(fs::exists(scene.target() + "/stale"));
    CHECK(read_file(scene.directory / "fast/PG_15_202209061/5/1") == "one");
}

TEST_CASE("a restore that fails leaves nothing behind") {
    Scene scene;
    const std::string tar = Scene::data_tar() + tar_end();
    std::string damaged = zst(tar);
    damaged[damaged.size() - 2] = static_cast<char>(damaged[damaged.size() - 2] ^ 1);
    struct {
        const char* what;
        std::string name, content;
    } const cases[] = {
        {"a checksum of the compression is wrong", "data.tar.zst", damaged},
        {"a tar is cut", "data.tar.zst", zst(tar.substr(0, tar.size() - 1024))},
        {"an object is cut", "data.tar.zst", zst(tar).substr(0, zst(tar).size() / 2)},
        {"an object is empty", "data.tar.zst", ""},
        {"there is no pg_control", "data.tar.zst", zst(tar_file("PG_VERSION", "15\n") + tar_end())},
        {"a link leads outside", "data.tar.zst", zst(Scene::data_tar() + tar_link("base/x", "/etc") + tar_end())},
        {"a part is missing", "data_0002.tar.zst", zst(tar_end())},
        {"a part lies there twice", "data.tar.gz", "x"},
        {"the label begins elsewhere", "data.tar.zst",
         zst(tar_file("global/pg_control", "c") +
             tar_file("backup_label",
                      "START WAL LOCATION: 0/3000028 (file 000000010000000000000003)\n"
                      "CHECKPOINT LOCATION: 0/3000060\nBACKUP METHOD: streamed\nBACKUP FROM: primary\n"
                      "START TIME: 2026-11-21 01:41:32 UTC\nLABEL: test\nSTART TIMELINE: 1\n") +
             tar_end())},
    };
    for (const auto& it : cases) {
        INFO(it.what);
        scene.plant("data.tar.zst", zst(tar));
        scene.plant(it.name, it.content);
        INFO(scene.fault(FaultKind::corrupt));
        CHECK_FALSE(fs::exists(scene.target()));
        scene.unplant(it.name);
    }
    CHECK(contains(scene.fault(FaultKind::corrupt), "no tar of the data directory"));
}

TEST_CASE("each file is compared with the manifest on the way") {
    Scene scene;
    std::vector<ManifestFile> files{{"PG_VERSION", 3, {}, crc("15\n")},
                                    {"base/5/1259", 20'000, {}, crc(std::string(20'000, 'p'))},
                                    {"global/pg_control", 7, {}, crc("control")},
                                    {"backup_label", std::string(label_text).size(), {}, crc(label_text)}};
    SECTION("and it is right") {
        scene.plant_manifest(files);
        const auto restored = scene.restore();
        REQUIRE(restored);
        CHECK(restored->checked);
        CHECK(fs::exists(scene.target() + "/backup_manifest"));
    }
    SECTION("and a file is another one") {
        files[1].crc32c = 1;
        scene.plant_manifest(files);
        CHECK(contains(scene.fault(FaultKind::corrupt), "base/5/1259"));
    }
    SECTION("and a file is missing") {
        files.push_back({"base/5/1260", 0, {}, 0});
        scene.plant_manifest(files);
        CHECK(contains(scene.fault(FaultKind::corrupt), "base/5/1260"));
    }
    SECTION("and the manifest itself is damaged") {
        scene.plant("backup_manifest.zst", zst("{}"));
        std::ignore = scene.fault(FaultKind::corrupt);
    }
    CHECK(scene.store.calls(StoreCall::get) >= 1);
}

TEST_CASE("a transfer that begins anew restores the same") {
    Scene scene;
    scene.unplant("data.tar.zst");
    scene.plant("data.tar", Scene::data_tar() + tar_end());
    const int workers = GENERATE(1, 2);
    for (const std::size_t broken : {0, 1000, 5000, 21'000}) {
        INFO(broken);
        fs::remove_all(scene.target());
        scene.store.break_next_get_after(broken);

        const auto restored = scene.restore(workers);

        REQUIRE(restored);
        CHECK(read_file(scene.target() + "/base/5/1259") == std::string(20'000, 'p'));
        CHECK(restored->stored == (Scene::data_tar() + tar_end()).size());
    }
}

TEST_CASE("a label that is in backup.info only is written") {
    Scene scene;
    scene.plant("data.tar.zst", zst(tar_file("global/pg_control", "control") + tar_end()));

    const auto restored = scene.restore();

    REQUIRE(restored);
    CHECK(read_file(scene.target() + "/backup_label") == label_text);
    CHECK(restored->notes.size() == 1);
}

TEST_CASE("what is restored stays in its place, wherever its configuration led") {
    Scene scene;
    scene.plant("data.tar.zst", zst(Scene::data_tar() +
                                    tar_file("postgresql.conf",
                                             "data_directory = '/x'\nport = 1\ninclude_dir 'conf.d'\ninclude 'it'\n") +
                                    tar_file("it", "") + tar_end()));

    const auto restored = scene.restore();

    REQUIRE(restored);
    CHECK(
        read_file(scene.target() + "/postgresql.conf") ==
        "# pgbosun restore: data_directory = '/x'\nport = 1\n# pgbosun restore: include_dir 'conf.d'\ninclude 'it'\n");
    CHECK(restored->notes.size() == 1);
}

TEST_CASE("settings that are in no other file lie where no backup takes them, for nobody else to read") {
    Scene scene;
    scene.settings = "cluster: orders\n";
    scene.plant("data.tar.zst", zst(Scene::data_tar() + tar_end()));

    REQUIRE(scene.restore());

    const fs::path path = scene.target() + "/" + std::string(restored_settings_file);
    CHECK(read_file(path.string()) == "cluster: orders\n");
    CHECK((fs::status(path).permissions() & fs::perms::mask) == (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("a backup that is not done, or not ours to restore, is refused") {
    Scene scene;
    SECTION("failed") { scene.backup.info->status = BackupStatus::failed; }
    SECTION("of snapshots") { scene.backup.info->snapshots = true; }
    SECTION("incremental") { scene.backup.kind = Kind::incremental; }
    std::ignore = scene.fault(FaultKind::refused);
}

TEST_CASE("a store that is away leaves the target as it was") {
    Scene scene;
    fs::create_directory(scene.target());
    scene.store.fail_next(StoreCall::get);

    std::ignore = scene.fault(FaultKind::unavailable);

    CHECK(fs::is_empty(scene.target()));
    CHECK(scene.restore());
}

TEST_CASE("what was not finished goes, with what is in its tablespaces, and only that") {
    Scene scene;
    const std::string fast = scene.directory / "fast", other = scene.directory / "other";
    for (const auto& place : {fast, other}) {
        fs::create_directories(place + "/PG_15_202209061/5");
        std::ofstream(place + "/PG_15_202209061/5/1259") << "old";
    }
    fs::create_directories(scene.target() + "/global");
    SECTION("killed while it was copied: the marker names them") {
        std::ofstream(scene.target() + "/pgbosun.restore") << "backup 20261121T014132\ntablespace " << fast << "\n";
    }
    SECTION("killed when it was whole: the links lead there") {
        std::ofstream(scene.target() + "/global/pg_control") << "old";
        fs::create_directories(scene.target() + "/pg_tblspc");
        fs::create_directory_symlink(fast, scene.target() + "/pg_tblspc/16384");
    }
    SECTION("killed in between") {
        std::ofstream(scene.target() + "/pgbosun.restore") << "backup 20261121T014132\ntablespace " << fast << "\n";
        std::ofstream(scene.target() + "/global/pg_control") << "old";
        fs::create_directories(scene.target() + "/pg_tblspc");
        fs::create_directory_symlink(fast, scene.target() + "/pg_tblspc/16384");
    }
    scene.backup.info->tablespaces = {{"fast", 16384, fast}};
    scene.plant("16384.tar.zst", zst(tar_file("PG_15_202209061/5/1259", "new") + tar_end()));
    scene.left_over = LeftOver::removed;

    const auto restored = scene.restore();

    REQUIRE(restored);
    CHECK(scene.begun == 1);
    CHECK(read_file(scene.target() + "/global/pg_control") == "control");
    CHECK(read_file(fast + "/PG_15_202209061/5/1259") == "new");
    CHECK(read_file(other + "/PG_15_202209061/5/1259") == "old");
}

TEST_CASE("a tablespace has one place, whichever of its names it is moved by") {
    BackupInfo info;
    info.tablespaces = {{"fast", 16384, "/fast"}};

    CHECK(places_of(info, "/pgdata", {{"fast", "/a"}}));
    const auto both = places_of(info, "/pgdata", {{"fast", "/a"}, {"16384", "/b"}});

    REQUIRE_FALSE(both);
    CHECK(contains(both.error().what, "by its name and by its oid"));
}
