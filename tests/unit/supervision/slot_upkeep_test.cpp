// Two servers in memory that have slots: the one of this instance, and its primary's.
#include "supervision/slot_upkeep.hpp"

#include <boost/asio/co_spawn.hpp>
#include <map>

#include "outside.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;

namespace {

using Slots = std::map<std::string, std::string>;  // name -> restart_lsn

Result<Rows> answer(Slots& slots, const char* recovers, const std::string& sql, const std::vector<Field>& parameters) {
    Rows rows;
    if (sql.find("pg_is_in_recovery") != std::string::npos) {
        rows.rows.push_back({recovers});
    } else if (sql == postgres::slots_sql) {
        for (const auto& [name, restart] : slots) rows.rows.push_back({name, "t", "f", restart, "f"});
    } else if (sql == postgres::make_slot_sql) {
        slots.emplace(*parameters[0], "0/100");
    } else if (sql == postgres::drop_slot_sql) {
        slots.erase(*parameters[0]);
    } else if (sql == postgres::advance_slot_sql) {
        if (slots.contains(*parameters[0])) slots[*parameters[0]] = *parameters[1];
    }
    return rows;
}

struct Fixture : test::Outside {
    Fixture() {
        settings.volume = "/volume";
        settings.instance = "pg-2";
        files.add_directory("/volume/pgbosun");
        server->answer = [this](const std::string& sql, const auto& parameters) -> Result<Rows> {
            if (sql == postgres::turn_to_slot_sql) return end_receiver(*parameters[0]);
            if (sql == failing) return fail(FaultKind::refused, "53400: all replication slots are in use");
            return answer(ours, recovers, sql, parameters);
        };
        primary->answer = [this](const std::string& sql, const auto& parameters) {
            return answer(theirs, they_recover, sql, parameters);
        };
        outside.open_session = [this](const std::string&, const std::string&) {
            return std::make_unique<test::FakePgSession>(server);
        };
        outside.open_upstream = [this](std::string) -> Task<Result<std::unique_ptr<PgSession>>> {
            std::unique_ptr<PgSession> opened = std::make_unique<test::FakePgSession>(primary);
            co_return opened;
        };
    }
    Result<Rows> end_receiver(const std::string& slot) {
        Rows rows;
        if (receiver != slot) rows.rows.push_back({"t"});
        receiver = slot;  // the next one has read the configuration
        return rows;
    }
    void run(SlotUpkeep& which, SlotUpkeep::Situation situation) {
        bool over = false;
        boost::asio::co_spawn(loop, which.run(std::move(situation)), [&](std::exception_ptr) { over = true; });
        test::run_until(loop, [&] { return over; });
    }
    void run(SlotUpkeep::Situation situation) {
        recovers = situation.role == Role::standby ? "t" : "f";
        run(upkeep, std::move(situation));
    }

    const SlotUpkeep::Situation standby{Role::standby, "host=pg-1", false, {"pg-1", "pg-2"}, false};
    const SlotUpkeep::Situation as_primary{Role::primary, {}, false, {"pg-1", "pg-2"}, false};
    const char* recovers = "t";
    const char* they_recover = "f";
    std::shared_ptr<test::FakeServer> primary = std::make_shared<test::FakeServer>();
    Slots ours, theirs;
    std::string failing;
    std::string receiver;  // the slot that the WAL receiver streams by
    SlotUpkeep upkeep{outside, settings};
};

}  // namespace

TEST_CASE("a standby follows the slots of its primary, in this life and in the next") {
    Fixture it;
    it.theirs = {{"a", "0/500"}, {"_pgbosun_pg_2", "0/500"}};
    it.ours = {{"somebodys", "0/200"}};
    it.run(it.standby);
    CHECK(it.ours == Slots{{"a", "0/500"}, {"somebodys", "0/200"}});

    it.theirs = {{"a", "0/700"}};
    it.run(it.standby);
    CHECK(it.ours == Slots{{"a", "0/700"}, {"somebodys", "0/200"}});

    it.theirs.clear();
    SlotUpkeep next{it.outside, it.settings};
    it.run(next, it.standby);
    CHECK(it.ours == Slots{{"somebodys", "0/200"}});
}

TEST_CASE("what is mirrored is on the volume before it is made, so that it is dropped one day") {
    Fixture it;
    it.theirs = {{"a", "0/500"}};
    SECTION("the volume does not take it") {
        it.files.fault = [](std::string_view verb, const std::string&) {
            return verb == "write_durably" ? std::optional(Fault{FaultKind::unavailable, "no", ""}) : std::nullopt;
        };
        it.run(it.standby);
        CHECK(it.ours.empty());
        it.files.fault = nullptr;
        it.run(it.standby);
        CHECK(it.ours == it.theirs);
    }
    SECTION("killed after it was written") {
        it.failing = postgres::make_slot_sql;
        it.run(it.standby);
        CHECK(it.ours.empty());
        it.failing.clear();
        SlotUpkeep next{it.outside, it.settings};
        it.run(next, it.standby);
        CHECK(it.ours == it.theirs);
    }
}

TEST_CASE("a primary that is away takes no slot from its standby") {
    Fixture it;
    it.theirs = {{"a", "0/500"}};
    it.run(it.standby);
    it.primary->state = test::FakeServerState::down;
    it.theirs.clear();
    it.run(it.standby);
    CHECK(it.ours == Slots{{"a", "0/500"}});
}

TEST_CASE("a standby's copies go when its cluster follows another one, and when there is no room for them") {
    Fixture it;
    it.theirs = {{"a", "0/500"}};
    it.ours = {{"somebodys", "0/200"}};
    it.run(it.standby);
    auto situation = it.standby;
    SECTION("another cluster is followed") {
        situation.primary.clear();
        situation.mirrors_none = true;
    }
    SECTION("the volume is nearly full") { situation.short_of_room = true; }
    it.run(situation);
    CHECK(it.ours == Slots{{"somebodys", "0/200"}});
    it.run(situation);
    CHECK(it.ours == Slots{{"somebodys", "0/200"}});
}

TEST_CASE("nothing is dropped for who is no primary any more, nor by who has become one") {
    Fixture it;
    it.theirs = {{"a", "0/500"}};
    it.run(it.standby);
    it.theirs.clear();
    SECTION("who answers has become a standby") {
        it.they_recover = "t";
        it.run(it.standby);
    }
    SECTION("this one has become the primary meanwhile") {
        it.recovers = "f";
        it.run(it.upkeep, it.standby);
    }
    CHECK(it.ours == Slots{{"a", "0/500"}});
}

TEST_CASE("what it has mirrored is its own once it is the primary") {
    Fixture it;
    it.theirs = {{"a", "0/500"}};
    it.run(it.standby);
    it.run(it.as_primary);
    CHECK(it.ours == Slots{{"a", "0/500"}});
    it.theirs.clear();
    it.run(it.standby);
    CHECK(it.ours == Slots{{"a", "0/500"}});
}

TEST_CASE("a primary drops the slot of a member that is no more, and no other") {
    Fixture it;
    it.ours = {{"_pgbosun_pg_1", "0/500"}, {"_pgbosun_pg_2", "0/500"}, {"_pgbosun_pg_7", "0/500"}, {"a", "0/500"}};
    it.run(it.as_primary);
    CHECK(it.ours == Slots{{"_pgbosun_pg_1", "0/500"}, {"_pgbosun_pg_7", "0/500"}, {"a", "0/500"}});
    it.clock.advance(std::chrono::minutes(2));
    it.run(it.as_primary);
    CHECK(it.ours == Slots{{"_pgbosun_pg_1", "0/500"}, {"a", "0/500"}});
}

TEST_CASE("a WAL receiver that went on without the slot it was told of begins anew, and no other") {
    Fixture it;
    auto situation = it.standby;
    SECTION("it has a slot to stream by") {
        situation.streams_by = "_pgbosun_pg_2";
        it.run(situation);
        CHECK(it.receiver == "_pgbosun_pg_2");
    }
    SECTION("it has none") {
        it.receiver = "of_its_own";
        it.run(situation);
        CHECK(it.receiver == "of_its_own");
    }
}
