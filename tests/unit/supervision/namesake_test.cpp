#include "supervision/namesake.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;
using namespace std::chrono_literals;
using enum Namesake::Verdict;

namespace {
constexpr NamesakeFacts streams{true, 5s};
constexpr NamesakeFacts nobody{false, 5s};
constexpr Instant begin{1h};
}  // namespace

TEST_CASE("a stream of its name that outlives the primary's timeout is another instance's") {
    Namesake it;
    CHECK(it.look(streams, begin) == perhaps);
    CHECK(it.look(streams, begin + 5s) == perhaps);
    CHECK(it.look(streams, begin + 6s) == stays);
    CHECK(it.look(streams, begin + 7s) == stays);
    CHECK(it.look(nobody, begin + 8s) == none);
    CHECK(it.look(streams, begin + 9s) == perhaps);
}

TEST_CASE("what was seen long ago is no evidence") {
    Namesake it;
    CHECK(it.look(streams, begin) == perhaps);
    CHECK(it.look(streams, begin + 1min) == perhaps);
    CHECK(it.look(streams, begin + 1min + 6s) == stays);
}

TEST_CASE("a primary without a timeout tells nothing, for what is left of a stream may stay") {
    Namesake it;
    CHECK(it.look({true, 0s}, begin) == none);
    CHECK(it.look({true, 0s}, begin + 9s) == none);
}
