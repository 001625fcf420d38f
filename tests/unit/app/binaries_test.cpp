#include "app/binaries.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::app;

TEST_CASE("the configured directory wins, then PATH, then the newest installed") {
    const BinaryPlaces all = {"/opt/pg/bin", "/usr/bin", {"/usr/lib/postgresql/15/bin"}};
    CHECK(choose_bin_dir(all).value() == "/opt/pg/bin");
    CHECK(choose_bin_dir({"", "/usr/bin", all.installed}).value() == "/usr/bin");
    CHECK(choose_bin_dir({"", {}, all.installed}).value() == "/usr/lib/postgresql/15/bin");
}

TEST_CASE("the newest is the highest number, not the last in the alphabet") {
    const std::vector<std::string> installed = {"/usr/lib/postgresql/9/bin", "/usr/lib/postgresql/17/bin",
                                                "/usr/lib/postgresql/8.4/bin", "/usr/lib/postgresql/common/bin"};
    CHECK(choose_bin_dir({"", {}, installed}).value() == "/usr/lib/postgresql/17/bin");
}

TEST_CASE("where there is no PostgreSQL the hint says what to do") {
    const auto chosen = choose_bin_dir({"", {}, {"/usr/lib/postgresql/common/bin"}});

    REQUIRE_FALSE(chosen);
    CHECK(chosen.error().kind == FaultKind::not_found);
    CHECK(chosen.error().hint.find("postgresql.bin_dir") != std::string::npos);
}

TEST_CASE("only absolute parts of PATH count") {
    CHECK(path_directories("/usr/bin::bin:/bin:.") == std::vector<std::string>{"/usr/bin", "/bin"});
    CHECK(path_directories("").empty());
}
