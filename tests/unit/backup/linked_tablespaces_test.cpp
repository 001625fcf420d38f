#include "backup/linked_tablespaces.hpp"

#include <filesystem>
#include <fstream>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;
using namespace pgbosun::test;

namespace {

namespace fs = std::filesystem;

struct Live {
    Live() { fs::create_directories(directory / "pg_tblspc"); }
    void link(const std::string& name, const std::string& place) const {
        fs::create_symlink(place, directory / "pg_tblspc/" + name);
    }
    [[nodiscard]] Result<> check(std::vector<Tablespace> of_backup) const {
        BackupInfo info;
        info.tablespaces = std::move(of_backup);
        return expect_no_younger_tablespace(directory.path(), info, "take a backup");
    }

    TemporaryDirectory directory;
};

}  // namespace

TEST_CASE("a live tablespace that the backup does not have is named, with its place") {
    const Live live;
    live.link("16384", "/srv/fast");
    live.link("16390", "/srv/new");

    const auto checked = live.check({{"fast", 16384, "/srv/fast"}});

    REQUIRE_FALSE(checked);
    CHECK(checked.error().kind == FaultKind::refused);
    CHECK(checked.error().what.find("/srv/new") != std::string::npos);
    CHECK(checked.error().hint == "take a backup");
}

TEST_CASE("one that was dropped and made again at its place is younger too") {
    const Live live;
    live.link("16390", "/srv/fast");

    CHECK_FALSE(live.check({{"fast", 16384, "/srv/fast"}}));
}

TEST_CASE("tablespaces that the backup has, or that are in place, or that the live server has dropped, do no harm") {
    const Live live;
    live.link("16384", "/srv/elsewhere/now");
    fs::create_directory(live.directory / "pg_tblspc/16391");
    live.link("nonsense", "/srv/x");
    live.link("16392.new", "/srv/y");
    std::ofstream(live.directory / "pg_tblspc/16393") << "a file";

    CHECK(live.check({{"fast", 16384, "/srv/fast"}, {"gone", 16380, "/srv/gone"}}));
}

TEST_CASE("where there is no data directory there is nothing to be harmed") {
    const TemporaryDirectory empty;

    CHECK(expect_no_younger_tablespace(empty.path(), {}, ""));
    CHECK(expect_no_younger_tablespace(empty / "absent", {}, ""));
}

TEST_CASE("links that cannot be read are no absence of links") {
    const TemporaryDirectory place;
    std::ofstream(place / "pg_tblspc") << "a file";

    const auto checked = expect_no_younger_tablespace(place.path(), {}, "");

    REQUIRE_FALSE(checked);
    CHECK(checked.error().kind == FaultKind::unavailable);
}
