// The label and the manifest of a real pg_basebackup, and PostgreSQL's judgement of a manifest that we
// rendered.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "backup/backup_label.hpp"
#include "backup/manifest.hpp"
#include "support/catch.hpp"
#include "support/real_postgres.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;
using pgbosun::test::read_file;
using pgbosun::test::RealPostgres;

namespace {

const std::string odd_name = "odd \xff \"name\"";

void write_file(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
    std::filesystem::permissions(path, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
}

// A server with its backup beside it.
struct TakenBackup {
    RealPostgres server;
    std::string directory;

    explicit TakenBackup(const std::string& algorithm = "CRC32C") {
        directory = server.directory() + "/copy";
        write_file(server.data_directory() + "/" + odd_name, "odd");
        RealPostgres::run("pg_basebackup", {"-D", directory, "-c", "fast", "--no-sync", "-l", "nightly",
                                            "--manifest-checksums=" + algorithm, "-d",
                                            "host=" + server.socket_directory() + " user=postgres"});
    }
    [[nodiscard]] std::string manifest() const { return read_file(directory + "/backup_manifest"); }
    // What pg_verifybackup printed, whatever its judgement.
    [[nodiscard]] std::string verify() const {
        try {
            return RealPostgres::run("pg_verifybackup", {directory});
        } catch (const std::runtime_error& failed) {
            return failed.what();
        }
    }
};

}  // namespace

TEST_CASE("PostgreSQL's manifest is read, and rendered again byte for byte") {
    const TakenBackup backup;
    const auto manifest = parse_manifest(backup.manifest());
    REQUIRE(manifest);
    CHECK(manifest->version == (RealPostgres::major() >= 17 ? 2 : 1));
    CHECK(manifest->files.size() > 900);
    CHECK(std::ranges::count(manifest->files, odd_name, &ManifestFile::path) == 1);
    CHECK(std::ranges::all_of(manifest->files, [](const auto& file) { return file.crc32c.has_value(); }));
    CHECK(manifest->wal_ranges.size() == 1);
    const bool same = render(*manifest) == backup.manifest();
    CHECK(same);
}

TEST_CASE("PostgreSQL's manifest with other checksums, or none, is read") {
    const std::string algorithm = GENERATE("SHA256", "NONE");
    const TakenBackup backup(algorithm);
    const auto manifest = parse_manifest(backup.manifest());
    REQUIRE(manifest);
    CHECK(std::ranges::none_of(manifest->files, [](const auto& file) { return file.crc32c.has_value(); }));
    const bool same = render(*manifest) == backup.manifest();
    CHECK(same == (algorithm == "NONE"));
}

TEST_CASE("pg_verifybackup accepts a manifest that we rendered, and finds with it what is wrong") {
    const TakenBackup backup;
    auto manifest = parse_manifest(backup.manifest());
    REQUIRE(manifest);
    std::ranges::reverse(manifest->files);
    write_file(backup.directory + "/backup_manifest", render(*manifest));
    CHECK(backup.verify().find("backup successfully verified") != std::string::npos);

    const auto version = std::ranges::find(manifest->files, "PG_VERSION", &ManifestFile::path);
    REQUIRE(version != manifest->files.end());
    version->crc32c = *version->crc32c ^ 1;
    write_file(backup.directory + "/backup_manifest", render(*manifest));
    CHECK(backup.verify().find("checksum mismatch for file \"PG_VERSION\"") != std::string::npos);
}

TEST_CASE("PostgreSQL's backup label is read") {
    const TakenBackup backup;
    const auto label = parse_backup_label(read_file(backup.directory + "/backup_label"));
    REQUIRE(label);
    CHECK(label->label == "nightly");
    CHECK(label->start_timeline == Timeline{1});
    CHECK(label->checkpoint >= label->start);
    CHECK_FALSE(label->from_standby);
    const auto manifest = parse_manifest(backup.manifest());
    REQUIRE(manifest);
    CHECK(manifest->wal_ranges.front().start == label->start);
}
