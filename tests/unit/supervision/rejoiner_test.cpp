#include "former.hpp"
#include "supervision/mirrored_slots.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;
using test::Former;
using test::mark;

TEST_CASE("what only this instance has is archived before its data is touched, then it is rewound") {
    Former it;

    it.begin();
    it.until_child(1);
    CHECK(it.processes.children[0].command.arguments.front() == "left-behind");
    CHECK(it.rejoiner.progress()->what == "archiving what only this instance has");
    // Killed now, the next life finds all as it was.
    CHECK(it.files.changes.empty());
    CHECK(it.losses == 0);
    it.processes.say(0, "done\n");
    it.end(0, 0);
    it.until_child(2);
    CHECK(it.processes.children[1].command.program == "/bin/pg_rewind");
    it.end(1, 0);
    it.until_over();

    CHECK(it.report->outcome == instance::BootstrapOutcome::done);
    CHECK(it.losses == 1);
}

TEST_CASE("a store that is away delays the rewind and does not prevent it") {
    Former it;

    it.begin();
    it.until_child(1);
    it.processes.say(0, "failed\n");
    it.end(0, 1);
    it.until_child(2);
    it.end(1, 0);
    it.until_over();

    CHECK(it.report->outcome == instance::BootstrapOutcome::done);
    CHECK(it.recorded == std::vector<std::string>{"WAL that only this instance has is not in the archive: so it was"});
}

TEST_CASE("a former primary that follows without a rewind archives first, for as a standby it does not") {
    Former it;
    it.inspection.usable->control.state = postgres::ClusterState::shut_down;
    // The record ends where the new primary left the timeline.
    it.inspection.usable->control.checkpoint = Lsn{0x3000110 - 120};

    it.begin();
    it.until_child(1);
    CHECK_FALSE(it.files.nodes.contains("/volume/pgdata/standby.signal"));
    it.processes.say(0, "done\n");
    it.end(0, 0);
    it.until_over();

    CHECK(it.files.nodes.contains("/volume/pgdata/standby.signal"));
    CHECK(it.processes.children.size() == 1);
}

TEST_CASE("a rejoin that is cancelled while it archives touches nothing") {
    Former it;

    it.begin();
    it.until_child(1);
    it.rejoiner.cancel(false);
    it.processes.let_signals_end();
    it.until_over();

    CHECK(it.report->outcome == instance::BootstrapOutcome::failed);
    CHECK(it.files.changes.empty());
    CHECK(it.losses == 0);
}

TEST_CASE(
    "a rewind of a crashed server is told of the number that its postmaster had, which another process may have now") {
    Former it;
    it.inspection.stale_pid = 27;

    it.begin();
    it.until_child(1);
    it.processes.say(0, "done\n");
    it.end(0, 0);
    it.until_child(2);

    const auto& environment = it.processes.children[1].command.environment;
    CHECK(std::ranges::find(environment, "PG_GRANDPARENT_PID=27") != environment.end());
    it.end(1, 0);
    it.until_over();
}

TEST_CASE("data whose WAL is not the primary's is cloned anew and not rewound, and is kept aside") {
    const std::string ours(std::size_t{2} * 0x110, '1');  // the bytes 0x11
    for (const auto state : {postgres::ClusterState::in_production, postgres::ClusterState::shut_down}) {
        for (const bool same : {true, false}) {
            INFO(to_string(state) << (same ? ", the same" : ", others"));
            Former it;
            it.files.nodes.erase(mark);
            it.hold_wal(0x11);
            it.inspection.usable->control.state = state;
            it.primary_wal = same ? ours : std::string(ours.size(), '2');

            it.begin();
            it.until_child(1);

            CHECK(it.plans == std::vector<std::string>{same ? "rewind" : "reclone"});
            CHECK(it.processes.children[0].command.program == (same ? "/bin/pg_rewind" : "/bin/pg_basebackup"));
            CHECK(it.files.nodes.contains("/volume/pgdata.old") != same);
            it.end(0, same ? 0 : 1);
            it.until_over();
        }
    }
}

TEST_CASE("a primary that does not answer about its WAL is asked again, and nothing is done to the data") {
    Former it;
    it.files.nodes.erase(mark);
    it.hold_wal(0x11);
    const auto answer = it.server->answer;
    int asked = 0;
    it.server->answer = [&](const std::string& sql, const auto& parameters) -> Result<Rows> {
        if (sql.find("unnest") == std::string::npos) return answer(sql, parameters);
        if (++asked == 2) it.clock.advance(std::chrono::seconds(6));
        return fail(FaultKind::unavailable, "no answer");
    };

    it.begin();
    it.until_over();

    CHECK(asked == 2);
    CHECK(it.report->outcome == instance::BootstrapOutcome::done);
    CHECK_FALSE(it.report->compared);
    CHECK(it.plans.empty());
}

TEST_CASE("a recovery short of its target does not come up as a standby while no primary answers") {
    for (const bool recovering : {true, false}) {
        INFO("recovering: " << recovering);
        Former it;
        it.files.nodes.erase(mark);
        it.inspection.usable->start = postgres::StartMode::recovery;
        it.inspection.recovering = recovering;
        it.files.add_file("/volume/pgdata/recovery.signal", "");
        it.server->answer = [&](const std::string&, const auto&) -> Result<Rows> {
            it.clock.advance(std::chrono::seconds(6));
            return fail(FaultKind::unavailable, "no answer");
        };

        it.begin();
        it.until_over();

        CHECK((it.report->outcome == instance::BootstrapOutcome::primary_absent) == recovering);
        CHECK(it.files.nodes.contains("/volume/pgdata/standby.signal") != recovering);
        CHECK(it.files.nodes.contains("/volume/pgdata/recovery.signal") == recovering);
    }
}

TEST_CASE(
    "the slots of a former primary are noted before it comes up beside no primary, so that they go when it follows "
    "one") {
    Former it;
    it.files.nodes.erase(mark);
    it.files.add_directory("/volume/pgdata/pg_replslot/consumer");
    SECTION("nobody answers") {
        it.server->answer = [&](const std::string&, const auto&) -> Result<Rows> {
            it.clock.advance(std::chrono::seconds(6));
            return fail(FaultKind::unavailable, "no answer");
        };
        it.begin();
    }
    SECTION("nobody is named") { it.begin(""); }
    it.until_over();
    CHECK(it.report->outcome == instance::BootstrapOutcome::done);
    std::optional<Result<std::vector<std::string>>> noted;
    boost::asio::co_spawn(it.loop, recall_mirrored_slots(it.files, it.settings),
                          [&](std::exception_ptr, auto names) { noted = std::move(names); });
    test::run_until(it.loop, [&] { return noted.has_value(); });
    CHECK(noted->value() == std::vector<std::string>{"consumer"});
}

TEST_CASE("what was found to have parted when it ran is cloned anew, although nothing can be compared at rest") {
    Former it;
    it.files.nodes.erase(mark);
    it.inspection.usable->start = postgres::StartMode::standby;
    it.inspection.usable->control.checkpoint = Lsn{0x2000028};
    it.inspection.usable->control.min_recovery_point = Lsn{0x3000000};

    it.begin();
    it.until_over();
    CHECK(it.plans == std::vector<std::string>{"wait"});
    CHECK_FALSE(it.report->compared);

    it.report.reset();
    it.attempts.parted = "its timeline has the upstream's number and history, and other bytes";
    it.begin();
    it.until_child(1);
    CHECK(it.plans.back() == "reclone");
    CHECK(it.processes.children[0].command.program == "/bin/pg_basebackup");
    it.end(0, 1);
    it.until_over();
}

TEST_CASE(
    "while another instance streams under its name its data is not touched, and it goes on when that one has gone") {
    Former it;
    it.files.nodes.erase(mark);
    it.namesake = true;

    it.begin();
    test::run_until(it.loop, [&] {
        it.clock.advance(std::chrono::milliseconds(100));
        return it.report.has_value();
    });

    CHECK(it.report->outcome == instance::BootstrapOutcome::primary_absent);
    CHECK(it.report->reason == namesake_reason);
    CHECK(it.report->hint == namesake_hint);
    CHECK(it.recorded == std::vector<std::string>{"rejoin: refuse, for " + std::string(namesake_reason)});
    CHECK(it.files.changes.empty());
    CHECK(it.plans.empty());

    it.report.reset();
    it.namesake = false;
    it.begin();
    it.until_child(1);
    CHECK(it.processes.children[0].command.program == "/bin/pg_rewind");
    it.end(0, 0);
    it.until_over();
    CHECK(it.report->outcome == instance::BootstrapOutcome::done);
}
