#include "backup/drill_scratch.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;
using namespace pgbosun::test;

namespace {

constexpr std::uint64_t mb = std::uint64_t{1} << 20;

void put_into(const DrillScratch& scratch, std::uint64_t bytes) {
    const std::string path = scratch.socket_directory() + "/x";
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT, 0600);
    REQUIRE(::posix_fallocate(file, 0, static_cast<off_t>(bytes)) == 0);
    ::close(file);
}

}  // namespace

TEST_CASE("a drill that takes more than it was allowed is ended") {
    const TemporaryDirectory place;
    auto scratch = DrillScratch::take(place / "drill");
    REQUIRE(scratch);
    REQUIRE(scratch->allow(mb, 1));

    CHECK(scratch->check_growth());
    put_into(*scratch, 2 * mb);

    const auto grown = scratch->check_growth();
    REQUIRE_FALSE(grown);
    CHECK(grown.error().kind == FaultKind::refused);
    CHECK_FALSE(grown.error().hint.empty());
}

TEST_CASE("a drill without a limit of its own is refused what a tenth of the file system would go for") {
    const TemporaryDirectory place;
    auto scratch = DrillScratch::take(place / "drill");
    REQUIRE(scratch);
    const auto room = scratch->room();

    CHECK_FALSE(scratch->allow(0, room.free));
    // Something else may be written meanwhile.
    CHECK(scratch->allow(0, drill_allowance(room, 0) / 2));
    CHECK(scratch->check_growth());
}
