#include "supervision/demotion_check.hpp"

#include "support/catch.hpp"
#include "support/run.hpp"
#include "unit/supervision/outside.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;

namespace {

// A primary that runs, and another server that it is to follow: on timeline 2, which has left 1 at 0/3000110.
struct Two : test::Outside {
    struct Seen {
        std::string in_recovery = "f", system_id = "7", timeline, position;
        std::string wal = "00ff";  // hexadecimal digits of what is compared
    };
    Two() {
        outside.open_upstream = [this](std::string) -> Task<Result<std::unique_ptr<PgSession>>> {
            std::unique_ptr<PgSession> to_other = std::make_unique<test::FakePgSession>(other);
            co_return to_other;
        };
        outside.open_session = [this](const auto&, const auto&) -> std::unique_ptr<PgSession> {
            return std::make_unique<test::FakePgSession>(server);
        };
        server->answer = [this](const std::string& sql, const auto&) { return answer(itself, sql); };
        other->answer = [this](const std::string& sql, const auto&) { return answer(upstream, sql); };
        control.wal_segment_size = 16 << 20;
    }
    static Result<Rows> answer(const Seen& seen, const std::string& sql) {
        Rows rows;
        if (sql.find("pg_control_system") != std::string::npos) {
            rows.rows.push_back({Field(seen.in_recovery), Field(seen.system_id), Field("150000"), Field(seen.timeline),
                                 Field(seen.position), Field(seen.timeline)});
        } else if (sql.find("unnest") != std::string::npos) {
            rows.rows.push_back({Field(seen.wal)});
        } else {
            rows.rows.push_back({Field("1\t0/3000110\tno recovery target specified\n")});
        }
        return rows;
    }
    std::optional<Fault> ask(Unanswered unanswered = Unanswered::refused) {
        std::optional<std::optional<Fault>> said;
        boost::asio::co_spawn(loop, reason_against_following(outside, control, "host=other", unanswered),
                              [&](std::exception_ptr, std::optional<Fault> it) { said = std::move(it); });
        test::run_until(loop, [&] { return said.has_value(); });
        return *said;
    }

    std::shared_ptr<test::FakeServer> other = std::make_shared<test::FakeServer>();
    Seen itself{.timeline = "1", .position = "0/3000200"};
    Seen upstream{.timeline = "2", .position = "0/6000000"};
    postgres::ControlData control;
};

}  // namespace

TEST_CASE("who has written after the upstream left its timeline is told so before it is stopped, and what to do") {
    Two it;
    it.itself.position = GENERATE("0/3000200", "0/3000110");  // its shutdown checkpoint goes beyond that
    const auto said = it.ask();
    REQUIRE(said);
    CHECK(said->what.find("it went on after the upstream's history had left its timeline") != std::string::npos);
    CHECK(said->hint.find("bootstrap.join") != std::string::npos);
    CHECK(said->hint.find("mode: managed") != std::string::npos);
}

TEST_CASE("an upstream of the same numbers and other bytes cannot be followed, nor one of another system") {
    Two it;
    SECTION("other bytes") {
        it.upstream.timeline = "1";
        it.upstream.wal = "ffff";
        const auto said = it.ask();
        REQUIRE(said);
        CHECK(said->what.find("other bytes") != std::string::npos);
    }
    SECTION("another system") {
        it.upstream.system_id = "8";
        const auto said = it.ask();
        REQUIRE(said);
        CHECK(said->what.find("another system") != std::string::npos);
        CHECK(said->hint.find("address") != std::string::npos);
    }
}

TEST_CASE("an upstream that does not answer is not followed, unless that is asked for") {
    Two it;
    it.other->state = test::FakeServerState::down;
    const auto said = it.ask();
    REQUIRE(said);
    CHECK(said->kind == FaultKind::refused);
    CHECK(said->what.starts_with("the upstream does not answer, and nobody would take writes: "));
    CHECK(said->hint.find("--force") != std::string::npos);
    CHECK_FALSE(it.ask(Unanswered::accepted));
}

TEST_CASE("what could follow is not held up") {
    Two it;
    SECTION("the upstream is a standby, its own perhaps") { it.upstream.in_recovery = "t"; }
    SECTION("the instance itself does not") { it.server->state = test::FakeServerState::down; }
    SECTION("it has left this one's timeline later") { it.itself.position = "0/3000000"; }
    SECTION("its history is this one's") {
        it.upstream.timeline = "1";
        it.upstream.position = it.itself.position;
    }
    CHECK_FALSE(it.ask());
}
