// Jobs over processes that the test speaks for.
#include "supervision/jobs.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <csignal>

#include "outside.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;
using namespace std::chrono_literals;

namespace {

// Lines of the pretended program: "progress ID STEP", "done ID", "failed WHY".
Result<JobLine> parse_line(std::string_view line) {
    const auto rest = std::string(line.substr(line.find(' ') + 1));
    if (line.starts_with("progress ")) {
        const auto space = rest.find(' ');
        return JobProgress{rest.substr(0, space), rest.substr(space + 1), 1, 10};
    }
    if (line.starts_with("done ")) return JobResult{.done = true, .id = rest, .recovery_seconds = 4.5};
    if (line.starts_with("refused ")) return JobResult{.detail = rest, .refused = true};
    if (line.starts_with("failed ")) return JobResult{.done = false, .detail = rest};
    return fail(FaultKind::refused, "no such line");
}

// "ID", or "of CLUSTER".
Result<CatalogSummary> parse_summary(std::string_view line) {
    CatalogSummary summary;
    if (line.starts_with("of ")) summary.owner = std::stoull(std::string(line.substr(3)));
    summary.empty = false;
    summary.count = 1;
    summary.last_done_id = std::string(line);
    summary.last_done_at = WallTime(1s);
    return summary;
}

struct Fixture : test::Outside {
    Fixture() {
        settings.volume = "/v";
        settings.archive.emplace();
        files.add_directory("/v/pgbosun");
        status.phase = Phase::running;
        status.role = Role::primary;
        outside.archiver.command = [](std::vector<std::string> arguments) {
            Command command;
            command.arguments = std::move(arguments);
            return command;
        };
        outside.archiver.parse_line = parse_line;
        outside.archiver.parse_summary = parse_summary;
    }
    JobCalls calls() {
        return {[this](const std::string&, WallTime after) { return next ? next(after) : std::nullopt; },
                [this]() -> const InstanceStatus& { return status; },
                [this](std::string, std::string what, auto) { journal.push_back(std::move(what)); }, [] {}};
    }
    // Runs one request until it has answered.
    std::optional<JobAnswer> answer;
    void ask(JobRequest request) {
        answer.reset();
        boost::asio::co_spawn(loop, jobs.ask(std::move(request)),
                              [this](std::exception_ptr, JobAnswer it) { answer = it; });
    }
    void until(const std::function<bool()>& so) { test::run_until(loop, so); }
    JobRequest backup(Duration wait = 0s) {
        JobRequest request;
        request.verb = JobVerb::start_backup;
        request.name = "nightly";
        request.asked_by = "a test";
        request.wait = wait;
        return request;
    }
    bool said(const std::string& text) {
        return std::ranges::any_of(journal, [&](const auto& line) { return line.find(text) != std::string::npos; });
    }

    InstanceStatus status;
    std::vector<std::string> journal;
    std::function<std::optional<WallTime>(WallTime)> next;
    Jobs jobs{outside, settings, calls()};
};

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("a backup is begun, answered with its identifier, shown, and its end is recorded") {
    Fixture it;
    it.ask(it.backup());
    it.until([&] { return it.processes.children.size() == 1; });
    CHECK(it.processes.children[0].command.arguments == Words{"backup", "--report", "json", "--name", "nightly"});

    it.processes.say(0, "progress 20261121T010000 copying\n");
    it.until([&] { return it.answer.has_value(); });
    CHECK(it.answer->answer == Answer::under_way);
    CHECK(it.answer->id == "20261121T010000");
    CHECK(it.jobs.backups().running->step == "copying");

    it.ask(it.backup());
    it.until([&] { return it.answer.has_value(); });
    CHECK(it.answer->answer == Answer::refused);
    CHECK(it.answer->detail.find("20261121T010000, since 2026-") != std::string::npos);

    it.processes.say(0, "done 20261121T010000\n");
    it.processes.end(0, {ExitStatus::How::exited, 0});
    it.until([&] { return it.jobs.idle(); });
    CHECK_FALSE(it.jobs.backups().running);
    CHECK(it.jobs.backups().taken == 1);
    CHECK(it.said("backup 20261121T010000 is done"));
}

TEST_CASE("a backup that fails is in the status, and still after a restart of pgbosun") {
    Fixture it;
    it.ask(it.backup(60s));
    it.until([&] { return it.processes.children.size() == 1; });
    it.processes.say(0, "failed the store is full\n");
    it.processes.end(0, {ExitStatus::How::exited, 1});
    it.until([&] { return it.answer.has_value() && it.files.nodes.contains("/v/pgbosun/jobs"); });

    CHECK(it.answer->answer == Answer::failed);
    CHECK(it.answer->detail == "the store is full");
    CHECK(it.jobs.backups().last_error == "the store is full");
    CHECK(it.jobs.backups().failed == 1);

    Jobs next_life(it.outside, it.settings, it.calls());
    next_life.begin();
    it.until([&] { return next_life.backups().last_failed_at.has_value(); });
    CHECK(next_life.backups().last_error == "the store is full");
    CHECK(next_life.backups().failed == 0);
}

TEST_CASE("a running backup is cancelled by its identifier, with SIGTERM first") {
    Fixture it;
    it.ask(it.backup());
    it.until([&] { return it.processes.children.size() == 1; });
    it.processes.say(0, "progress 20261121T010000 copying\n");
    it.until([&] { return it.answer.has_value(); });

    JobRequest removal;
    removal.verb = JobVerb::remove_backup;
    removal.id = "20261121T010000";
    removal.wait = 60s;
    it.ask(removal);
    it.until([&] { return !it.processes.children[0].signals.empty(); });
    CHECK(it.processes.children[0].signals == std::vector<int>{SIGTERM});
    CHECK(it.jobs.backups().running->cancelling);
    it.processes.end(0, {ExitStatus::How::killed, SIGTERM});
    it.until([&] { return it.answer.has_value(); });

    CHECK(it.answer->answer == Answer::done);
    // It has died without a record of its end: somebody else writes it.
    it.until([&] { return it.processes.children.size() == 2; });
    CHECK(it.processes.children[1].command.arguments ==
          Words{"catalog", "close", "20261121T010000", "--error", "it was cancelled"});
    it.processes.end(1, {ExitStatus::How::exited, 0});
    CHECK(it.said("was cancelled"));
    CHECK(it.jobs.backups().failed == 0);
}

TEST_CASE("a backup that is only to be cancelled stays when it does not run any more") {
    Fixture it;
    JobRequest removal;
    removal.verb = JobVerb::remove_backup;
    removal.only_running = true;
    removal.id = "20251121T010000";
    it.ask(removal);
    it.until([&] { return it.answer.has_value(); });
    CHECK(it.answer->answer == Answer::refused);
    CHECK(it.processes.children.empty());

    it.ask(it.backup());
    it.until([&] { return it.processes.children.size() == 1; });
    it.processes.say(0, "progress 20261121T010000 copying\n");
    it.until([&] { return it.answer.has_value(); });
    removal.id = "20261121T010000";
    removal.wait = 60s;
    it.ask(removal);
    it.until([&] { return !it.processes.children[0].signals.empty(); });
    it.processes.say(0, "done 20261121T010000\n");
    it.processes.end(0, {ExitStatus::How::exited, 0});
    it.until([&] { return it.answer.has_value(); });
    CHECK(it.answer->answer == Answer::refused);
}

TEST_CASE("another backup than the running one is removed by a job of its own") {
    Fixture it;
    JobRequest removal;
    removal.verb = JobVerb::remove_backup;
    removal.id = "20251121T010000";
    it.ask(removal);
    it.until([&] { return it.processes.children.size() == 1; });

    CHECK(it.processes.children[0].command.arguments ==
          Words{"catalog", "delete", "20251121T010000", "--report", "json"});
}

TEST_CASE("a backup without a server is refused, and nothing is started") {
    Fixture it;
    it.status.phase = Phase::fenced;
    it.ask(it.backup());
    it.until([&] { return it.answer.has_value(); });

    CHECK(it.answer->answer == Answer::refused);
    CHECK(it.processes.children.empty());
}

TEST_CASE("the catalog is looked at when pgbosun begins and again when a backup has ended") {
    Fixture it;
    it.jobs.begin();
    it.jobs.note_archiver_is_up();
    it.until([&] { return it.processes.children.size() == 1; });
    CHECK(it.processes.children[0].command.arguments == Words{"catalog", "summary", "--report", "json"});
    it.processes.say(0, "20261120T010000\n");
    it.processes.end(0, {ExitStatus::How::exited, 0});
    it.until([&] { return it.jobs.backups().last_id.has_value(); });
    CHECK(it.jobs.backups().last_id == "20261120T010000");
    CHECK(it.jobs.catalog() != nullptr);

    it.ask(it.backup());
    it.until([&] { return it.processes.children.size() == 2; });
    it.processes.say(1, "done 20261121T010000\n");
    it.processes.end(1, {ExitStatus::How::exited, 0});
    it.until([&] { return it.processes.children.size() == 3; });
    it.processes.end(2, {ExitStatus::How::exited, 1});
    it.until([&] { return it.jobs.backups().catalog_error.has_value(); });
    CHECK(it.jobs.backups().last_id == "20261120T010000");
}

TEST_CASE("what another cluster's archive holds is not taken for this one's") {
    Fixture it;
    it.status.system_id = SystemId{1};
    it.jobs.begin();
    it.jobs.note_archiver_is_up();
    it.until([&] { return it.processes.children.size() == 1; });
    it.processes.say(0, "of 2\n");
    it.processes.end(0, {ExitStatus::How::exited, 0});
    it.until([&] { return it.jobs.backups().catalog_error.has_value(); });

    CHECK(it.jobs.catalog() == nullptr);
    CHECK_FALSE(it.jobs.backups().last_id);
    CHECK_FALSE(it.jobs.backups().count);
    CHECK(it.jobs.backups().catalog_error->find("is of the cluster with system identifier 2, ours is 1") !=
          std::string::npos);

    it.status.system_id = SystemId{2};
    CHECK(it.jobs.catalog() != nullptr);
    CHECK_FALSE(it.jobs.backups().catalog_error);
}

TEST_CASE("a catalog that cannot be read is so for the reason that the program tells") {
    Fixture it;
    it.jobs.begin();
    it.jobs.note_archiver_is_up();
    it.until([&] { return it.processes.children.size() == 1; });
    it.processes.say(0, "failed the archive is encrypted\n");
    it.processes.end(0, {ExitStatus::How::exited, 3});
    it.until([&] { return it.jobs.backups().catalog_error.has_value(); });
    CHECK(it.jobs.backups().catalog_error == "the archive is encrypted");
}

TEST_CASE("a program that closes its output before it ends is waited for") {
    Fixture it;
    it.jobs.begin();
    it.jobs.note_archiver_is_up();
    it.until([&] { return it.processes.children.size() == 1; });
    it.processes.say(0, "20261120T010000\n");
    it.processes.close_output(0);
    for (int i = 0; i < 5; ++i) {
        it.loop.restart();
        it.loop.run_one_for(10ms);
    }
    CHECK_FALSE(it.jobs.backups().catalog_error);
    it.processes.end(0, {ExitStatus::How::exited, 0});
    it.until([&] { return it.jobs.backups().last_id.has_value(); });
}

TEST_CASE("a drill's result is remembered, and its checks are the program's") {
    Fixture it;
    JobRequest drill;
    drill.verb = JobVerb::start_drill;
    drill.checks = {"select true"};
    drill.target_time = "2026-11-21 01:00:00+00";
    drill.wait = 60s;
    it.ask(drill);
    it.until([&] { return it.processes.children.size() == 1; });
    CHECK(it.processes.children[0].command.arguments ==
          Words{"drill", "--report", "json", "--to-time", "2026-11-21 01:00:00+00", "--check", "select true"});
    it.processes.say(0, "done 20261121T010000\n");
    it.processes.end(0, {ExitStatus::How::exited, 0});
    it.until([&] { return it.answer.has_value(); });

    CHECK(it.jobs.drill().last_ok == true);
    CHECK(it.jobs.drill().last_id == "20261121T010000");
    CHECK(it.jobs.drill().recovery_s == 4.5);
}

TEST_CASE("a drill that a person started is in the status") {
    Fixture it;
    it.files.add_file("/v/pgbosun/drill.json", "done 20261121T010000\n");
    it.jobs.begin();
    it.until([&] { return it.jobs.drill().last_ok.has_value() && it.files.nodes.contains("/v/pgbosun/jobs"); });

    CHECK(it.jobs.drill().last_ok == true);
    CHECK(it.jobs.drill().last_id == "20261121T010000");
    CHECK(it.jobs.drill().last_ok_at.has_value());
    CHECK(it.jobs.drill().recovery_s == 4.5);
    CHECK(it.said("drill 20261121T010000 is done"));
}

TEST_CASE("a scheduled moment is claimed, and who loses the claim skips it") {
    const int claim_status = GENERATE(0, 3);
    Fixture it;
    it.settings.backup.schedule = "0 0 2 * * *";
    const WallTime due = it.clock.wall() + 1ms;
    it.next = [due](WallTime after) { return after < due ? std::optional(due) : std::nullopt; };
    it.jobs.begin();
    it.jobs.note_archiver_is_up();
    // The catalog is asked for, and the moment is waited for.
    it.until([&] { return it.processes.children.size() == 1 && it.jobs.backups().next_at; });
    it.clock.advance(2s);

    it.until([&] { return it.processes.children.size() == 2; });
    CHECK(it.processes.children[1].command.arguments == Words{"claim", "20261121T000000Z"});
    it.processes.end(1, {ExitStatus::How::exited, claim_status});
    if (claim_status == 0) {
        it.until([&] { return it.processes.children.size() == 3; });
        CHECK(it.processes.children[2].command.arguments == Words{"backup", "--report", "json"});
        // What expires goes after it.
        it.settings.archive->retention = "REDUNDANCY 1";
        it.processes.say(2, "done 20261121T000000\n");
        it.processes.end(2, {ExitStatus::How::exited, 0});
        it.until([&] { return it.processes.children.size() == 4; });
        CHECK(it.processes.children[3].command.arguments == Words{"catalog", "expire", "--report", "json"});
    } else {
        it.until([&] { return it.said("another instance has taken it"); });
        CHECK(it.processes.children.size() == 2);
    }
}

TEST_CASE("when pgbosun ends, what runs is told to end and nothing new begins") {
    Fixture it;
    it.ask(it.backup());
    it.until([&] { return it.processes.children.size() == 1; });
    it.jobs.end();
    CHECK(it.processes.children[0].signals == std::vector<int>{SIGTERM});

    it.ask(it.backup());
    it.until([&] { return it.answer.has_value(); });
    CHECK(it.answer->detail == "pgbosun is ending");
}

TEST_CASE("a drill that could not begin is answered as refused, and leaves no trace of a failed one") {
    Fixture it;
    it.jobs.begin();
    JobRequest drill;
    drill.verb = JobVerb::start_drill;
    it.ask(drill);
    it.until([&] { return it.processes.children.size() == 1; });
    it.processes.say(0, "refused another drill runs in /v/pgbosun/drill\n");
    it.processes.end(0, {ExitStatus::How::exited, 3});
    it.until([&] { return it.answer.has_value(); });

    CHECK(it.answer->answer == Answer::refused);
    CHECK(it.answer->detail == "another drill runs in /v/pgbosun/drill");
    CHECK_FALSE(it.jobs.drill().last_ok);
    CHECK_FALSE(it.jobs.drill().last_at);
    CHECK_FALSE(it.said("failed"));
}

TEST_CASE("a scheduled drill that cannot begin is skipped") {
    Fixture it;
    it.settings.drill.schedule = "0 0 4 * * 0";
    const WallTime due = it.clock.wall() + 1ms;
    it.next = [due](WallTime after) { return after < due ? std::optional(due) : std::nullopt; };
    it.jobs.begin();
    it.until([&] { return it.jobs.drill().next_at.has_value(); });
    it.clock.advance(2s);
    it.until([&] { return it.processes.children.size() == 1; });
    it.processes.say(0, "refused another drill runs\n");
    it.processes.end(0, {ExitStatus::How::exited, 3});

    it.until([&] { return it.said("the scheduled drill is skipped: another drill runs"); });
    CHECK_FALSE(it.jobs.drill().last_ok);
    CHECK_FALSE(it.said("was refused"));
}

TEST_CASE(
    "a schedule that comes by reload is kept from then on, and what it would have been before is not made up for") {
    Fixture it;
    const WallTime began = it.clock.wall();
    it.next = [began](WallTime after) -> std::optional<WallTime> {
        for (const auto moment : {began + 16s, began + 76s}) {
            if (moment > after) return moment;
        }
        return std::nullopt;
    };
    it.jobs.begin();
    for (int i = 0; i < 5; ++i) {
        it.loop.restart();
        it.loop.run_one_for(10ms);
    }
    it.clock.advance(34s);

    it.settings.backup.schedule = "16 * * * * *";
    it.jobs.note_settings_changed();
    it.until([&] { return it.jobs.backups().next_at.has_value(); });

    CHECK(it.jobs.backups().next_at == to_iso8601(began + 76s));
    CHECK(it.processes.children.empty());
}
