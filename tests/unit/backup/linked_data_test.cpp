#include "backup/linked_data.hpp"

#include <filesystem>
#include <fstream>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;

namespace fs = std::filesystem;

namespace {

const std::string version = "PG_15_202209061";

// A data directory with one tablespace, which has files of another major version too, and WAL of its own.
struct Linked {
    Linked() {
        fs::create_directories(place / "data/pg_tblspc/16390");  // one that is in place
        put("fast/" + version + "/5/16400");
        put("fast/PG_14_202107181/5/16400");
        put("wal/pg_wal/000000010000000000000001");
        fs::create_directory_symlink(place / "fast", place / "data/pg_tblspc/16384");
        fs::create_directory_symlink(place / "wal/pg_wal", place / "data/pg_wal");
    }
    void put(const std::string& name) {
        fs::create_directories(fs::path(place / name).parent_path());
        std::ofstream(place / name) << name;
    }
    bool has(const std::string& name) { return fs::exists(place / name); }
    std::string leads_to(const std::string& name) { return fs::read_symlink(place / name).string(); }
    void check_set_aside() {
        CHECK(has("fast.pgbosun-old/" + version + "/5/16400"));
        CHECK_FALSE(has("fast/" + version));
        CHECK(has("fast/PG_14_202107181/5/16400"));
        CHECK(leads_to("data/pg_tblspc/16384") == place / "fast.pgbosun-old");
        CHECK(has("wal/pg_wal.old/000000010000000000000001"));
        CHECK_FALSE(has("wal/pg_wal"));
        CHECK(leads_to("data/pg_wal") == place / "wal/pg_wal.old");
    }

    test::TemporaryDirectory place;
    LinkedData data{place / "data", 15, place / "wal/pg_wal"};
};

}  // namespace

TEST_CASE("of a tablespace only what is of this version is emptied, and no WAL") {
    Linked it;

    CHECK(empty_linked(it.data));

    CHECK_FALSE(it.has("fast/" + version));
    CHECK(it.has("fast/PG_14_202107181/5/16400"));
    CHECK(it.has("wal/pg_wal/000000010000000000000001"));
    CHECK(it.has("data/pg_tblspc/16390"));
}

TEST_CASE("what a data directory has outside of itself is moved beside it, and its links lead there") {
    Linked it;

    CHECK(set_linked_aside(it.data));
    it.check_set_aside();

    // Killed after it and before the data directory was moved, it is done once more.
    CHECK(set_linked_aside(it.data));
    it.check_set_aside();
    CHECK(empty_linked(it.data));
    it.check_set_aside();

    it.put("fast/" + version + "/5/16500");
    it.put("wal/pg_wal/000000020000000000000001");
    CHECK(remove_linked_aside(it.data));
    CHECK_FALSE(it.has("fast.pgbosun-old"));
    CHECK_FALSE(it.has("wal/pg_wal.old"));
    CHECK(it.has("fast/" + version + "/5/16500"));
    CHECK(it.has("wal/pg_wal/000000020000000000000001"));
}

TEST_CASE("killed between a move and the link that is to lead there, it goes on") {
    Linked it;
    const bool after_the_tablespace = GENERATE(true, false);
    if (after_the_tablespace) {
        fs::create_directory(it.place / "fast.pgbosun-old");
        fs::rename(it.place / ("fast/" + version), it.place / ("fast.pgbosun-old/" + version));
    } else {
        fs::rename(it.place / "wal/pg_wal", it.place / "wal/pg_wal.old");
    }

    CHECK(set_linked_aside(it.data));

    it.check_set_aside();
}

TEST_CASE("what cannot be moved is refused before anything is") {
    Linked it;
    it.put("more/" + version + "/5/16400");
    fs::create_directory_symlink(it.place / "more", it.place / "data/pg_tblspc/16385");
    it.put("more.pgbosun-old");  // a file

    const auto moved = set_linked_aside(it.data);

    REQUIRE_FALSE(moved);
    CHECK(moved.error().kind == FaultKind::refused);
    CHECK(it.has("fast/" + version + "/5/16400"));
    CHECK_FALSE(it.has("fast.pgbosun-old"));
    CHECK(it.leads_to("data/pg_tblspc/16384") == it.place / "fast");
    CHECK(it.leads_to("data/pg_wal") == it.place / "wal/pg_wal");
}

TEST_CASE("WAL that is not where a clone will have its own is left") {
    Linked it;
    it.data.wal_directory = it.place / "elsewhere/pg_wal";

    CHECK(set_linked_aside(it.data));

    CHECK(it.has("wal/pg_wal/000000010000000000000001"));
    CHECK(it.leads_to("data/pg_wal") == it.place / "wal/pg_wal");
}
