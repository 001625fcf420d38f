// What every engine of the cluster's record must do.
#include <optional>

#include "contract/cluster_record/benches.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

using namespace pgbosun;
using namespace pgbosun::test;
using namespace std::chrono_literals;

namespace {

constexpr Duration ttl = 2s;

template <class Body>
void over_every_record(const Body& body) {
    for (const auto& kind : record_kinds()) {
        DYNAMIC_SECTION(kind.name) {
            const RecordBench bench = kind.make();
            body(bench);
        }
    }
}

FaultKind kind_of(const auto& result) {
    REQUIRE_FALSE(result);
    return result.error().kind;
}

std::string leader_of(const RecordBench& bench, ClusterRecord& candidate) {
    const auto leader = run(*bench.loop, candidate.leader());
    REQUIRE(leader);
    return leader->value_or("nobody");
}

bool sees_change(const RecordBench& bench, ClusterRecord& candidate, Duration wait) {
    const auto change = run(*bench.loop, candidate.changed(wait));
    REQUIRE(change);
    return *change == RecordChange::seen;
}

// How often `candidate` may ask before it must have won: each a tenth of the ttl after the last.
bool wins_soon(const RecordBench& bench, ClusterRecord& candidate) {
    for (int i = 0; i < 50; ++i) {
        if (run(*bench.loop, candidate.campaign(ttl))) return true;
        bench.let_pass(ttl / 10);
    }
    return false;
}

}  // namespace

TEST_CASE("a record is created once, and read as it was written") {
    over_every_record([](const RecordBench& bench) {
        const auto one = bench.candidate("one");
        const auto two = bench.candidate("two");
        auto& loop = *bench.loop;
        CHECK(kind_of(run(loop, one->read())) == FaultKind::not_found);
        const std::string text = "{\"t\": \"ä\n\\\"}" + std::string(100'000, 'x');
        const auto created = run(loop, one->create(text));
        REQUIRE(created);
        const auto read = run(loop, two->read());
        REQUIRE(read);
        CHECK(read->text == text);
        CHECK(read->revision == *created);
        CHECK(kind_of(run(loop, two->create("another"))) == FaultKind::conflict);
        CHECK(run(loop, one->read())->text == text);
    });
}

TEST_CASE("only who read the newest record may replace it") {
    over_every_record([](const RecordBench& bench) {
        const auto one = bench.candidate("one");
        const auto two = bench.candidate("two");
        auto& loop = *bench.loop;
        const auto first = run(loop, one->create("first"));
        REQUIRE(first);
        const auto second = run(loop, two->replace("second", *first));
        REQUIRE(second);
        CHECK_FALSE(*second == *first);
        CHECK(kind_of(run(loop, one->replace("third", *first))) == FaultKind::conflict);
        CHECK(kind_of(run(loop, one->replace("second", *first))) == FaultKind::conflict);
        const auto read = run(loop, one->read());
        REQUIRE(read);
        CHECK(read->text == "second");
        CHECK(read->revision == *second);
        CHECK(run(loop, one->replace("third", *second)));
    });
}

TEST_CASE("a record that is not there cannot be replaced") {
    over_every_record([](const RecordBench& bench) {
        const auto one = bench.candidate("one");
        CHECK(kind_of(run(*bench.loop, one->replace("text", Revision{"1"}))) == FaultKind::conflict);
        CHECK(kind_of(run(*bench.loop, one->read())) == FaultKind::not_found);
    });
}

TEST_CASE("no change is missed, however late it is asked for") {
    over_every_record([](const RecordBench& bench) {
        const auto one = bench.candidate("one");
        const auto two = bench.candidate("two");
        auto& loop = *bench.loop;
        CHECK(sees_change(bench, *one, 5s));
        CHECK_FALSE(sees_change(bench, *one, 50ms));
        const auto first = run(loop, two->create("first"));
        REQUIRE(first);
        CHECK(sees_change(bench, *one, 5s));
        REQUIRE(run(loop, two->replace("second", *first)));
        CHECK(sees_change(bench, *one, 5s));
        CHECK_FALSE(sees_change(bench, *one, 50ms));
    });
}

TEST_CASE("a change ends the waiting for it") {
    over_every_record([](const RecordBench& bench) {
        const auto one = bench.candidate("one");
        const auto two = bench.candidate("two");
        auto& loop = *bench.loop;
        while (sees_change(bench, *one, 50ms)) continue;
        std::optional<Result<RecordChange>> told;
        boost::asio::co_spawn(loop, one->changed(30s), [&](const std::exception_ptr&, Result<RecordChange> change) {
            told = std::move(change);
        });
        loop.restart();
        loop.poll();
        REQUIRE(run(loop, two->create("first")));
        run_until(loop, [&] { return told.has_value(); });
        CHECK(told->value() == RecordChange::seen);
    });
}

TEST_CASE("one candidate leads, and the others are told who") {
    over_every_record([](const RecordBench& bench) {
        const auto one = bench.candidate("one");
        const auto two = bench.candidate("two");
        auto& loop = *bench.loop;
        CHECK(leader_of(bench, *one) == "nobody");
        CHECK(kind_of(run(loop, one->keep())) == FaultKind::conflict);
        REQUIRE(run(loop, one->campaign(ttl)));
        const auto lost = run(loop, two->campaign(ttl));
        CHECK(kind_of(lost) == FaultKind::conflict);
        CHECK(lost.error().what.find("one") != std::string::npos);
        CHECK(leader_of(bench, *two) == "one");
        CHECK(run(loop, one->keep()));
        CHECK(run(loop, one->campaign(ttl)));
        CHECK(kind_of(run(loop, two->keep())) == FaultKind::conflict);
        CHECK(run(loop, two->resign()));
        CHECK(run(loop, one->keep()));
    });
}

TEST_CASE("who resigns is followed at once") {
    over_every_record([](const RecordBench& bench) {
        const auto one = bench.candidate("one");
        const auto two = bench.candidate("two");
        auto& loop = *bench.loop;
        REQUIRE(run(loop, one->campaign(ttl)));
        REQUIRE(run(loop, one->resign()));
        CHECK(leader_of(bench, *two) == "nobody");
        REQUIRE(run(loop, two->campaign(ttl)));
        CHECK(kind_of(run(loop, one->keep())) == FaultKind::conflict);
        CHECK(leader_of(bench, *one) == "two");
    });
}

TEST_CASE("leadership that is kept lasts") {
    over_every_record([](const RecordBench& bench) {
        const auto one = bench.candidate("one");
        const auto two = bench.candidate("two");
        auto& loop = *bench.loop;
        REQUIRE(run(loop, one->campaign(ttl)));
        for (int i = 0; i < 6; ++i) {
            bench.let_pass(ttl / 4);
            CHECK(run(loop, one->keep()));
            CHECK(kind_of(run(loop, two->campaign(ttl))) == FaultKind::conflict);
        }
    });
}

TEST_CASE("leadership that is not kept ends") {
    over_every_record([](const RecordBench& bench) {
        const auto one = bench.candidate("one");
        const auto two = bench.candidate("two");
        auto& loop = *bench.loop;
        REQUIRE(run(loop, one->campaign(ttl)));
        REQUIRE(wins_soon(bench, *two));
        CHECK(kind_of(run(loop, one->keep())) == FaultKind::conflict);
        CHECK(kind_of(run(loop, one->campaign(ttl))) == FaultKind::conflict);
        CHECK(leader_of(bench, *one) == "two");
    });
}
