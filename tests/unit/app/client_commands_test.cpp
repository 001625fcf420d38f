#include "app/client_commands.hpp"

#include <algorithm>
#include <deque>
#include <sstream>

#include "app/control_progress.hpp"
#include "containing.hpp"
#include "environment.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::app;
using namespace std::chrono_literals;

namespace {

// An instance that becomes what it was asked for after some looks at its status.
class PretendInstance final : public InstanceClient {
public:
    PretendInstance() {
        now_.instance = "pg-1";
        now_.cluster = "orders";
        now_.phase = Phase::running;
        now_.role = Role::primary;
        now_.ready = true;
    }

    Result<StatusReply> status() override {
        ++looks_;
        if (!there_) return fail(FaultKind::unavailable, "/s: nobody answers");
        if (!ahead_.empty()) {
            ahead_.front()(now_);
            ahead_.pop_front();
        }
        return StatusReply{now_, "{\"instance\":\"pg-1\"}"};
    }
    Result<CommandReply> command(const ControlRequest& request) override {
        asked_ = request;
        if (!there_) return fail(FaultKind::unavailable, "/s: nobody answers");
        return reply_;
    }
    Result<JobReply> start_backup(const JobRequest& request) override {
        job_ = request;
        return job_reply_;
    }
    Result<JobReply> cancel_backup(const std::string& id) override {
        cancelled_ = id;
        return job_reply_;
    }
    Result<std::vector<JournalEntry>> journal(std::uint64_t after) override {
        if (!there_) return fail(FaultKind::unavailable, "/s: nobody answers");
        std::vector<JournalEntry> newer;
        for (const auto& entry : entries_) {
            if (entry.id > after) newer.push_back(entry);
        }
        return newer;
    }

    InstanceStatus now_;
    bool there_ = true;
    std::deque<std::function<void(InstanceStatus&)>> ahead_;
    CommandReply reply_{Outcome::done, "", ""};
    std::vector<JournalEntry> entries_;
    std::optional<ControlRequest> asked_;
    std::optional<JobRequest> job_;
    std::string cancelled_;
    JobReply job_reply_{Outcome::under_way, "20261121T010000", "", ""};
    int looks_ = 0;
};

// Collects what is printed; the pause is over at once, and interrupts after `pauses`.
struct Desk {
    std::ostringstream out, err;
    int pauses = 1000;
    std::function<void()> meanwhile = [] {};
    Console console{out, err, Screen::plain, Screen::plain, Colour::never, [this](Duration) {
                        meanwhile();
                        return pauses-- > 0;
                    }};
};

ControlCommand order(Verb verb) {
    ControlCommand command;
    command.verb = verb;
    return command;
}

}  // namespace

TEST_CASE("status shows text, or what was answered") {
    PretendInstance instance;
    Desk text;
    Desk json;

    CHECK(show_status({}, instance, text.console) == ExitCode::done);
    CHECK(show_status({{}, StatusFormat::json, Repetition::once}, instance, json.console) == ExitCode::done);

    CHECK_THAT(text.out.str(), Catch::Matchers::StartsWith("pg-1 (orders): running, primary, ready\n"));
    CHECK(json.out.str() == "{\"instance\":\"pg-1\"}\n");
}

TEST_CASE("where nobody answers the exit code is 4") {
    PretendInstance instance;
    instance.there_ = false;
    Desk desk;

    CHECK(show_status({}, instance, desk.console) == ExitCode::no_answer);
    CHECK(show_journal({}, instance, desk.console) == ExitCode::no_answer);
    CHECK(carry_out(order(Verb::fence), instance, desk.console) == ExitCode::no_answer);
    CHECK_THAT(desk.err.str(), Catch::Matchers::StartsWith("pgbosun: /s: nobody answers\n"));
    CHECK(desk.out.str().empty());
}

TEST_CASE("a watch goes on while nobody answers, until it is interrupted") {
    PretendInstance instance;
    Desk desk;
    desk.pauses = 3;
    desk.meanwhile = [&] { instance.there_ = instance.looks_ != 2; };
    instance.there_ = false;

    CHECK(show_status({{}, StatusFormat::text, Repetition::until_interrupted}, instance, desk.console) ==
          ExitCode::done);

    CHECK(instance.looks_ == 4);
    CHECK_THAT(desk.out.str(), pgbosun::app::test::containing("nobody answers"));
    CHECK_THAT(desk.out.str(), pgbosun::app::test::containing("running, primary, ready"));
}

TEST_CASE("the journal is followed without repeating or losing an entry") {
    PretendInstance instance;
    instance.entries_ = {{1, {}, "phase", "one", {}}, {2, {}, "phase", "two", {}}};
    Desk desk;
    desk.pauses = 4;
    desk.meanwhile = [&] {
        instance.there_ = desk.pauses != 3;
        if (desk.pauses == 2) instance.entries_.push_back({3, {}, "phase", "three", {}});
    };

    CHECK(show_journal({{}, Repetition::until_interrupted, 1}, instance, desk.console) == ExitCode::done);

    const auto text = desk.out.str();
    CHECK(std::count(text.begin(), text.end(), '\n') == 2);
    CHECK_THAT(text, pgbosun::app::test::containing("#2  phase     two\n"));
    CHECK_THAT(text, pgbosun::app::test::containing("#3  phase     three\n"));
    CHECK_THAT(desk.err.str(), pgbosun::app::test::containing("trying again"));
}

TEST_CASE("each outcome of a command has its exit code, and its reason on stderr") {
    const auto [outcome, code] = GENERATE(table<Outcome, ExitCode>({
        {Outcome::done, ExitCode::done},
        {Outcome::refused, ExitCode::refused},
        {Outcome::failed, ExitCode::failed},
        {Outcome::not_allowed, ExitCode::wrong_usage},
        {Outcome::misunderstood, ExitCode::wrong_usage},
    }));
    PretendInstance instance;
    instance.reply_ = {outcome, "it is a standby", "promote it first"};
    Desk desk;

    CHECK(carry_out(order(Verb::demote), instance, desk.console) == code);

    if (outcome == Outcome::done) {
        CHECK(desk.out.str() == "is a standby\n");
    } else {
        CHECK_THAT(desk.err.str(), pgbosun::app::test::containing("it is a standby (hint: promote it first)"));
    }
}

TEST_CASE("what was asked for arrives") {
    PretendInstance instance;
    Desk desk;
    auto command = order(Verb::promote);
    command.reason = "drill";
    command.force = true;
    command.wait = 2s;

    carry_out(command, instance, desk.console);

    REQUIRE(instance.asked_);
    CHECK(instance.asked_->verb == Verb::promote);
    CHECK(instance.asked_->reason == "drill");
    CHECK(instance.asked_->force);
    CHECK(instance.asked_->wait == 2s);
}

TEST_CASE("a promotion that takes long is watched to its end") {
    PretendInstance instance;
    instance.reply_ = {Outcome::under_way, "", ""};
    instance.now_.phase = Phase::promoting;
    instance.now_.role = Role::standby;
    instance.now_.reason = "replaying";
    instance.ahead_ = {[](auto&) {}, [](auto&) {},
                       [](auto& s) {
                           s.phase = Phase::running;
                           s.role = Role::primary;
                       }};
    Desk desk;

    CHECK(carry_out(order(Verb::promote), instance, desk.console) == ExitCode::done);

    CHECK(instance.looks_ == 3);
    CHECK(desk.out.str() == "is the primary\n");
    CHECK(desk.err.str() == "promoting: replaying\n");
}

TEST_CASE("a command that fails on its way says why") {
    PretendInstance instance;
    instance.reply_ = {Outcome::under_way, "", ""};
    instance.ahead_ = {[](auto& s) {
        s.phase = Phase::failed;
        s.reason = "pg_control is damaged";
        s.hint = "restore it";
    }};
    Desk desk;

    CHECK(carry_out(order(Verb::restart), instance, desk.console) == ExitCode::failed);
    CHECK_THAT(desk.err.str(),
               pgbosun::app::test::containing("restart failed: pg_control is damaged (hint: restore it)"));
}

TEST_CASE("a command that is not over in time goes on, and is not called done") {
    PretendInstance instance;
    instance.reply_ = {Outcome::under_way, "", ""};
    instance.now_.phase = Phase::restarting;
    Desk patient;
    Desk hasty;
    auto command = order(Verb::restart);

    CHECK(carry_out(command, instance, patient.console) == ExitCode::failed);
    CHECK_THAT(patient.err.str(), pgbosun::app::test::containing("restart was not over within 1min; it goes on"));
    CHECK(instance.looks_ == 55);

    command.wait = 0s;
    CHECK(carry_out(command, instance, hasty.console) == ExitCode::done);
    CHECK(hasty.out.str() == "restart is under way\n");
}

TEST_CASE("a pgbosun that ends while a command is under way is noticed") {
    PretendInstance instance;
    instance.reply_ = {Outcome::under_way, "", ""};
    Desk desk;
    desk.meanwhile = [&] { instance.there_ = false; };

    CHECK(carry_out(order(Verb::demote), instance, desk.console) == ExitCode::no_answer);
    CHECK_THAT(desk.err.str(), pgbosun::app::test::containing("pgbosun has gone while demote was under way"));
    CHECK(instance.looks_ < 10);
}

TEST_CASE("an instance that cannot be asked for a moment is asked again") {
    PretendInstance instance;
    instance.now_.postgres.started_at = instance.now_.now;
    instance.reply_ = {Outcome::under_way, "", ""};
    Desk desk;
    desk.meanwhile = [&] { instance.there_ = instance.looks_ != 0; };

    CHECK(carry_out(order(Verb::restart), instance, desk.console) == ExitCode::done);
    CHECK(instance.looks_ == 2);
}

TEST_CASE("a fence is reached only when postgres is gone") {
    InstanceStatus status;
    status.phase = Phase::running;
    CHECK(judge(Verb::fence, status, 5s) == Progress::going_on);
    status.fenced = FenceStatus{"x", "y"};
    CHECK(judge(Verb::fence, status, 5s) == Progress::going_on);
    status.phase = Phase::fenced;
    status.postgres.pid = 41;
    CHECK(judge(Verb::fence, status, 5s) == Progress::going_on);
    status.postgres.pid = 0;
    CHECK(judge(Verb::fence, status, 5s) == Progress::reached);
}

TEST_CASE("a server that runs since before it was asked has not been restarted") {
    InstanceStatus status;
    status.now = Instant(1h);
    status.phase = Phase::running;
    status.postgres.started_at = status.now - 6s;
    CHECK(judge(Verb::restart, status, 5s) == Progress::going_on);
    status.postgres.started_at = status.now - 1s;
    CHECK(judge(Verb::restart, status, 5s) == Progress::reached);
    status.phase = Phase::failed;
    CHECK(judge(Verb::restart, status, 5s) == Progress::missed);
}

TEST_CASE("a role that has not changed yet is waited for") {
    InstanceStatus status;
    status.phase = Phase::running;
    status.role = Role::standby;
    CHECK(judge(Verb::promote, status, 5s) == Progress::going_on);
    CHECK(judge(Verb::demote, status, 5s) == Progress::reached);
}

TEST_CASE("an HTTP status says how a command went") {
    CHECK(outcome_of(200) == Outcome::done);
    CHECK(outcome_of(202) == Outcome::under_way);
    CHECK(outcome_of(409) == Outcome::refused);
    CHECK(outcome_of(401) == Outcome::not_allowed);
    CHECK(outcome_of(403) == Outcome::not_allowed);
    CHECK(outcome_of(400) == Outcome::misunderstood);
    CHECK(outcome_of(404) == Outcome::misunderstood);
    CHECK(outcome_of(500) == Outcome::failed);
    CHECK(outcome_of(503) == Outcome::failed);
}

TEST_CASE("colour is for terminals whose owner wants it") {
    using pgbosun::app::test::environment;
    CHECK(colour_for(Screen::terminal, environment()) == Colour::always);
    CHECK(colour_for(Screen::terminal, environment({{"NO_COLOR", ""}})) == Colour::always);
    CHECK(colour_for(Screen::terminal, environment({{"NO_COLOR", "1"}})) == Colour::never);
    CHECK(colour_for(Screen::terminal, environment({{"TERM", "dumb"}})) == Colour::never);
    CHECK(colour_for(Screen::plain, environment()) == Colour::never);
}

TEST_CASE("a backup that is waited for shows how far it is, and its end") {
    PretendInstance instance;
    instance.now_.now = Instant(100s);
    Desk desk;
    const RunningJob half{"20261121T010000", "copying", 512 << 20, 1024 << 20, Instant(90s), "", false};
    instance.ahead_ = {[](InstanceStatus&) {}, [&](InstanceStatus& status) { status.backup.running = half; },
                       [](InstanceStatus& status) {
                           status.backup.running.reset();
                           status.backup.taken = 1;
                       }};
    BackupCommand command;
    command.name = "x";
    command.repetition = Repetition::until_interrupted;

    CHECK(take_backup(command, instance, desk.console) == ExitCode::done);

    CHECK(instance.job_->name == "x");
    CHECK_THAT(desk.err.str(), pgbosun::app::test::containing("copying: 512 MB of 1.0 GB (50 %), 51.2 MB/s, 10s left"));
    CHECK_THAT(desk.out.str(), pgbosun::app::test::containing("backup 20261121T010000 is done"));
}

TEST_CASE("who is interrupted while it waits for a backup is told that the backup goes on") {
    PretendInstance instance;
    Desk desk;
    const RunningJob half{"20261121T010000", "copying", 512 << 20, 1024 << 20, Instant(90s), "", false};
    instance.ahead_ = {[](InstanceStatus&) {}, [&](InstanceStatus& status) { status.backup.running = half; }};
    desk.pauses = 3;
    desk.console.interruption = [] { return ExitCode::terminated; };
    BackupCommand command;
    command.repetition = Repetition::until_interrupted;

    CHECK(take_backup(command, instance, desk.console) == ExitCode::terminated);

    CHECK_THAT(desk.err.str(), pgbosun::app::test::containing("backup 20261121T010000 goes on"));
    CHECK_THAT(desk.err.str(), pgbosun::app::test::containing("pgbosun backup cancel ends it"));
}

TEST_CASE("the backup that runs is cancelled, and without one nothing is") {
    PretendInstance instance;
    Desk desk;
    CHECK(cancel_backup({}, instance, desk.console) == ExitCode::refused);
    CHECK_THAT(desk.err.str(), pgbosun::app::test::containing("no backup is running here"));
    CHECK(instance.cancelled_.empty());

    instance.now_.backup.running = RunningJob{"20261121T010000", "copying", 1, 2, Instant(90s), "", false};
    for (const auto& [outcome, code] : {std::pair(Outcome::done, ExitCode::done),
                                        {Outcome::under_way, ExitCode::failed},
                                        {Outcome::refused, ExitCode::refused}}) {
        instance.job_reply_ = {outcome, "", "it is not running", ""};
        CHECK(cancel_backup({}, instance, desk.console) == code);
        CHECK(instance.cancelled_ == "20261121T010000");
    }
    CHECK(desk.out.str() == "backup 20261121T010000 is cancelled\n");
}

TEST_CASE("a backup that fails, is cancelled or refused says so") {
    BackupCommand waiting;
    waiting.repetition = Repetition::until_interrupted;
    SECTION("failed") {
        PretendInstance instance;
        Desk desk;
        instance.ahead_ = {[](InstanceStatus&) {},
                           [](InstanceStatus& status) {
                               status.backup.failed = 1;
                               status.backup.last_error = "disk full";
                           }};
        CHECK(take_backup(waiting, instance, desk.console) == ExitCode::failed);
        CHECK_THAT(desk.err.str(), pgbosun::app::test::containing("disk full"));
    }
    SECTION("cancelled") {
        PretendInstance instance;
        Desk desk;
        CHECK(take_backup(waiting, instance, desk.console) == ExitCode::failed);
        CHECK_THAT(desk.err.str(), pgbosun::app::test::containing("was cancelled"));
    }
    SECTION("refused") {
        PretendInstance instance;
        Desk desk;
        instance.job_reply_ = {Outcome::refused, "", "a backup runs already", "wait for its end"};
        CHECK(take_backup(BackupCommand{}, instance, desk.console) == ExitCode::refused);
        CHECK_THAT(desk.err.str(), pgbosun::app::test::containing("a backup runs already"));
    }
}
