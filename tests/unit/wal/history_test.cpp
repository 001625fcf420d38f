#include "wal/history.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::wal;

namespace {

constexpr const char* third =
    "1\t0/3000110\tno recovery target specified\n"
    "\n"
    "# by hand\n"
    "2\t0/5000000\tbefore 2026-01-30 10:00:00+00\n";

}  // namespace

TEST_CASE("a history file names the ancestors and where each was left") {
    const auto history = parse_history(Timeline{3}, third).value();

    REQUIRE(history.ancestors.size() == 2);
    CHECK(history.ancestors[1].reason == "before 2026-01-30 10:00:00+00");
    CHECK(fork_point(history, Timeline{1}) == Lsn{0x3000110});
    CHECK(fork_point(history, Timeline{2}) == Lsn{0x5000000});
    CHECK_FALSE(fork_point(history, Timeline{3}));
    CHECK(is_ancestor(history, Timeline{2}));
    CHECK_FALSE(is_ancestor(history, Timeline{3}));
    CHECK_FALSE(is_ancestor(history, Timeline{4}));
}

TEST_CASE("each position belongs to the timeline that wrote it") {
    const auto history = parse_history(Timeline{3}, third).value();

    CHECK(timeline_at(history, Lsn{0}) == Timeline{1});
    CHECK(timeline_at(history, Lsn{0x300010F}) == Timeline{1});
    CHECK(timeline_at(history, Lsn{0x3000110}) == Timeline{2});
    CHECK(timeline_at(history, Lsn{0x5000000}) == Timeline{3});
}

TEST_CASE("what is rendered is read again") {
    const auto history = parse_history(Timeline{3}, third).value();

    CHECK(render_history(history) ==
          "1\t0/3000110\tno recovery target specified\n2\t0/5000000\tbefore 2026-01-30 10:00:00+00\n");
    CHECK(parse_history(Timeline{3}, render_history(history)).value() == history);
}

TEST_CASE("PostgreSQL's own latitude is accepted") {
    for (const char* text : {"", "\n\n", "# only a comment", "1 0/1", "  1   0/1  \r\n", "1\t0/1\t", "\t1\t0/1\tx"}) {
        CAPTURE(text);
        CHECK(parse_history(Timeline{2}, text));
    }
}

TEST_CASE("a broken history file is refused with the number of its line") {
    const std::pair<const char*, const char*> table[] = {
        {"x", "line 1"},
        {"1", "line 1"},
        {"1\t", "line 1"},
        {"1\t0", "line 1"},
        {"1\t0/", "line 1"},
        {"1\t0/G", "line 1"},
        {"1\t0/123456789", "line 1"},
        {"-1\t0/1", "line 1"},
        {"0\t0/1", "line 1"},
        {"0x1\t0/1", "line 1"},
        {"4294967296\t0/1", "line 1"},
        {"1\t0/1\n1\t0/2", "line 2"},
        {"2\t0/1\n\n1\t0/2", "line 3"},
        {"1\t0/5\n2\t0/4", "line 2"},
        {"9\t0/1", "line 1"},
        {"10\t0/1", "line 1"},
    };
    for (const auto& [text, place] : table) {
        CAPTURE(text);
        const auto history = parse_history(Timeline{9}, text);

        REQUIRE_FALSE(history);
        CHECK(history.error().kind == FaultKind::corrupt);
        CHECK(history.error().what.find(place) != std::string::npos);
    }
    CHECK_FALSE(parse_history(Timeline{9}, std::string(longest_history + 1, '\n')));
}
