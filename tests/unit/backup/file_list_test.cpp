#include "backup/file_list.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;

TEST_CASE("what a server makes anew is left out of a backup, and nothing that looks like it") {
    struct Row {
        const char* path;
        EntryType type;
        Choice choice;
    };
    using enum EntryType;
    const Row table[] = {
        {"PG_VERSION", file, Choice::take},
        {"global/pg_control", file, Choice::take},
        {"base/5/16384", file, Choice::take},
        {"base/5/16384_fsm", file, Choice::take},
        {"base/5", directory, Choice::take},
        {"pg_wal", directory, Choice::empty_directory},
        {"pg_wal", link, Choice::empty_directory},
        {"pg_wal", file, Choice::leave_out},
        {"base/pg_wal", directory, Choice::take},
        {"log", directory, Choice::empty_directory},
        {"pg_log", directory, Choice::empty_directory},
        {"logs", directory, Choice::take},
        {"pg_dynshmem", directory, Choice::empty_directory},
        {"pg_notify", directory, Choice::empty_directory},
        {"pg_replslot", directory, Choice::empty_directory},
        {"pg_serial", directory, Choice::empty_directory},
        {"pg_snapshots", directory, Choice::empty_directory},
        {"pg_stat_tmp", directory, Choice::empty_directory},
        {"pg_subtrans", directory, Choice::empty_directory},
        {"pg_stat", directory, Choice::take},
        {"pg_xact", directory, Choice::take},
        {"pg_logical", directory, Choice::take},
        {"pg_tblspc", directory, Choice::take},
        {"pg_tblspc/16400", link, Choice::leave_out},
        {"pg_tblspc/16400", directory, Choice::take},  // allow_in_place_tablespaces
        {"postmaster.pid", file, Choice::leave_out},
        {"postmaster.opts", file, Choice::leave_out},
        {"postmaster.pid.old", file, Choice::take},
        {"base/postmaster.pid", file, Choice::take},
        {"recovery.conf", file, Choice::leave_out},
        {"recovery.signal", file, Choice::leave_out},
        {"standby.signal", file, Choice::leave_out},
        {"backup_label", file, Choice::leave_out},
        {"backup_label.old", file, Choice::leave_out},
        {"tablespace_map", file, Choice::leave_out},
        {"backup_manifest", file, Choice::leave_out},
        {"postgresql.auto.conf", file, Choice::take},
        {"postgresql.auto.conf.tmp", file, Choice::leave_out},
        {"current_logfiles", file, Choice::take},
        {"current_logfiles.tmp", file, Choice::leave_out},
        {"pgbosun.conf", file, Choice::take},
        {"global/pg_internal.init", file, Choice::leave_out},
        {"base/5/pg_internal.init", file, Choice::leave_out},
        {"base/5/pg_internal.init.1234", file, Choice::leave_out},
        {"base/5/pg_filenode.map", file, Choice::take},
        {"base/pgsql_tmp", directory, Choice::leave_out},
        {"base/pgsql_tmp/pgsql_tmp12.0", file, Choice::leave_out},
        {"PG_17_202406281/pgsql_tmp", directory, Choice::leave_out},
        {"base/5/t3_16384", file, Choice::leave_out},
        {"base/5/t3_16384_fsm", file, Choice::leave_out},
        {"base/5/t3_16384.1", file, Choice::leave_out},
        {"PG_17_202406281/5/t3_16384", file, Choice::leave_out},
        {"base/5/t3", file, Choice::take},
        {"base/5/t_16384", file, Choice::take},
        {"base/5/tx_16384", file, Choice::take},
        {"t3_16384", file, Choice::take},
        {"global/t3_16384", file, Choice::take},
        {"postgresql.conf", link, Choice::leave_out},
        {".s.PGSQL.5432", other, Choice::leave_out},
    };
    for (const auto& row : table) {
        CAPTURE(row.path, static_cast<int>(row.type));
        CHECK(choose_entry(row.path, row.type) == row.choice);
    }
}

TEST_CASE("of unlogged relations only the init fork is taken") {
    const std::vector<std::string> names = {"16384",  "16384_init", "16384_fsm", "16384.1", "16384_vm.1", "16385",
                                            "163841", "2_init",     "x_init",    "x",       "16386_init"};
    const std::set<std::string> expected = {"16384", "16384_fsm", "16384.1", "16384_vm.1"};
    CHECK(unlogged_files(names) == expected);
    CHECK(unlogged_files({}).empty());
}

namespace {

void write(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
}

std::vector<std::string> files_of(const FileTree& tree) {
    std::vector<std::string> paths;
    for (const auto& file : tree.files) paths.push_back(tree.path_of(file));
    std::ranges::sort(paths);
    return paths;
}

std::vector<std::string> directories_of(const FileTree& tree) {
    std::vector<std::string> paths;
    for (const auto& directory : tree.directories) paths.push_back(directory.path);
    std::ranges::sort(paths);
    return paths;
}

}  // namespace

TEST_CASE("a data directory is listed with what belongs to a backup") {
    const test::TemporaryDirectory scratch;
    const std::filesystem::path data = std::filesystem::path(scratch.path()) / "data";
    write(data / "PG_VERSION", "17\n");
    write(data / "base/5/16384", std::string(8192, 'x'));
    write(data / "base/5/t1_16384", "temporary");
    write(data / "base/pgsql_tmp/pgsql_tmp1.0", "temporary");
    write(data / "postmaster.pid", "1");
    write(std::filesystem::path(scratch.path()) / "wal/000000010000000000000001", "w");
    std::filesystem::create_directory_symlink(std::filesystem::path(scratch.path()) / "wal", data / "pg_wal");
    std::filesystem::create_directories(data / "pg_tblspc");
    std::filesystem::create_directory_symlink(scratch.path(), data / "pg_tblspc/16400");
    write(data / "pg_replslot/slot/state", "s");
    std::filesystem::create_symlink("PG_VERSION", data / "link");
    REQUIRE(::mkfifo((data / "fifo").c_str(), 0600) == 0);

    const auto tree = scan(data, {});

    REQUIRE(tree);
    CHECK(files_of(*tree) == std::vector<std::string>{"PG_VERSION", "base/5/16384"});
    CHECK(directories_of(*tree) ==
          std::vector<std::string>{"", "base", "base/5", "pg_replslot", "pg_tblspc", "pg_wal"});
    CHECK(tree->strange == std::vector<std::string>{"fifo", "link"});
    CHECK(tree->directories.front().path.empty());
}

TEST_CASE("of a tablespace's location only the server's directory is listed") {
    const test::TemporaryDirectory scratch;
    write(std::filesystem::path(scratch.path()) / "PG_17_202406281/5/16384", "x");
    write(std::filesystem::path(scratch.path()) / "PG_16_202307071/5/16384", "x");

    const auto tree = scan(scratch.path(), {"PG_17_202406281"});

    REQUIRE(tree);
    CHECK(files_of(*tree) == std::vector<std::string>{"PG_17_202406281/5/16384"});
}

TEST_CASE("a root that is not there is said so") {
    const test::TemporaryDirectory scratch;
    const auto tree = scan(std::filesystem::path(scratch.path()) / "none", {});
    REQUIRE_FALSE(tree);
    CHECK(tree.error().kind == FaultKind::not_found);
}
