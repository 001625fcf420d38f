#include "supervision/synchronous_upkeep.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;

namespace {

const SynchronousRule one_of_two{7, SyncMethod::any, 1, {"pg-1", "pg-2", "pg-3"}};

postgres::ServerFacts facts(std::uint64_t end, std::string names,
                            std::vector<std::pair<std::string, std::uint64_t>> flushed) {
    postgres::ServerFacts it;
    it.lsn.current = Lsn{end};
    it.synchronous_standby_names = std::move(names);
    for (const auto& [name, lsn] : flushed) {
        StandbyStatus standby;
        standby.name = name;
        standby.flushed = Lsn{lsn};
        it.standbys.push_back(std::move(standby));
    }
    return it;
}

const std::string in_force = "ANY 1 (\"pg-2\",\"pg-3\")";

}  // namespace

TEST_CASE("PostgreSQL's value names the standbys, and never the primary itself") {
    CHECK(synchronous_value(one_of_two, "pg-1") == in_force);
    CHECK(synchronous_value({1, SyncMethod::first, 2, {"a", "b\"c", "d"}}, "a") == "FIRST 2 (\"b\"\"c\",\"d\")");
    CHECK(synchronous_value({1, SyncMethod::any, 0, {"a", "b"}}, "a").empty());
}

TEST_CASE("a rule is taken over when a quorum has all that was there after it came into force") {
    SynchronousUpkeep upkeep;
    upkeep.look(one_of_two, "pg-1", facts(100, "", {{"pg-2", 100}}));
    CHECK_FALSE(upkeep.taken_over());
    // In force: but some process of the server may not know it yet.
    upkeep.look(one_of_two, "pg-1", facts(110, in_force, {{"pg-2", 110}}));
    CHECK_FALSE(upkeep.taken_over());
    upkeep.look(one_of_two, "pg-1", facts(120, in_force, {{"pg-2", 119}, {"pg-3", 50}}));
    CHECK_FALSE(upkeep.taken_over());
    upkeep.look(one_of_two, "pg-1", facts(300, in_force, {{"pg-2", 119}, {"pg-3", 120}}));
    CHECK(upkeep.taken_over() == 7);
}

TEST_CASE("a value that went back is not in force, and what was seen before does not count") {
    SynchronousUpkeep upkeep;
    upkeep.look(one_of_two, "pg-1", facts(110, in_force, {{"pg-2", 10}}));
    upkeep.look(one_of_two, "pg-1", facts(120, in_force, {{"pg-2", 10}}));
    upkeep.look(one_of_two, "pg-1", facts(130, "", {{"pg-2", 130}}));
    upkeep.look(one_of_two, "pg-1", facts(140, in_force, {{"pg-2", 140}}));
    CHECK_FALSE(upkeep.taken_over());
    upkeep.look(one_of_two, "pg-1", facts(150, in_force, {{"pg-2", 150}}));
    CHECK(upkeep.taken_over() == 7);
}

TEST_CASE("no standby has to confirm an asynchronous rule") {
    SynchronousUpkeep upkeep;
    upkeep.look({3, SyncMethod::any, 0, {}}, "pg-1", facts(100, "", {}));
    CHECK(upkeep.taken_over() == 3);
}
