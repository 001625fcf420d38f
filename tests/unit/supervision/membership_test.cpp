// One agent's membership over a disk that can be slow, fail or be cut off; the rules themselves are right_test's.
#include "supervision/membership.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>

#include "outside.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;
using namespace std::chrono_literals;
using instance::Part;

namespace {

struct Fixture : test::Outside {
    Fixture() {
        settings.cluster = "orders";
        settings.instance = "pg-1";
        settings.volume = "/volume";
        settings.lease.ttl = 3s;
        files.add_directory("/volume/pgbosun");
        start();
    }
    void start() {
        Membership::Calls calls;
        // What is on the disk is compared, not how it is written there.
        calls.codec.encode = [this](const AgentRecord& record) {
            records.push_back(record);
            return std::to_string(records.size() - 1);
        };
        calls.codec.decode = [this](std::string_view text) -> Result<AgentRecord> {
            if (text == "broken") return fail(FaultKind::refused, "it is not JSON");
            return records.at(static_cast<std::size_t>(std::stoi(std::string(text))));
        };
        calls.answer = [this](const instance::Event& event) { events.push_back(event); };
        calls.local = [this] { return local; };
        calls.record = [](const std::string&, const std::string&,
                          const std::vector<std::pair<std::string, std::string>>&) {};
        calls.changed = [] {};
        calls.guard = [this](std::optional<Instant> moment) { guarded_until = moment; };
        calls.ask = [this](Peer member, PromiseRequest) -> Task<Result<PromiseAnswer>> {
            ++asked[member.name];
            boost::asio::steady_timer never(loop, std::chrono::hours(1));
            if (member.name == hanging) co_await never.async_wait(boost::asio::use_awaitable);
            co_return fail(FaultKind::unavailable, "gone");
        };
        it = std::make_unique<Membership>(outside, settings, "life-" + std::to_string(++life), std::move(calls));
    }
    void recall() {
        bool over = false;
        boost::asio::co_spawn(loop, it->recall(), [&](std::exception_ptr) { over = true; });
        test::run_until(loop, [&] { return over; });
    }
    Assignment assignment(Term term, std::string primary) {
        Assignment given;
        given.cluster = "orders";
        given.instance = "pg-1";
        given.term = term;
        given.primary = std::move(primary);
        given.promotable = {term, {"pg-2"}};
        given.peers = {{"pg-1", "http://one", "host=one"}, {"pg-2", "http://two", "host=two"}};
        if (given.primary == "pg-2") given.promotable.names = {"pg-1"};
        if (given.primary == "pg-1") given.lease = Lease{{"life-" + std::to_string(life), clock.now()}, 3s};
        given.former = FormerPrimary::stopped;
        return given;
    }
    RightAnswer receive(Assignment given) { return test::run(loop, it->receive(std::move(given))); }
    std::vector<Part> parts() const {
        std::vector<Part> given;
        for (const auto& event : events) {
            if (const auto* part = std::get_if<instance::PartGiven>(&event)) given.push_back(part->part);
        }
        return given;
    }

    std::vector<AgentRecord> records;
    std::vector<instance::Event> events;
    std::optional<Instant> guarded_until;
    instance::Local local{instance::Data::standby, Timeline{1}, Lsn{100}, false, false};
    int life = 0;
    std::map<std::string, int> asked;  // for a promise
    std::string hanging;               // it never answers
    std::unique_ptr<Membership> it;
};

}  // namespace

TEST_CASE_METHOD(Fixture, "a promotion is on disk before it counts") {
    recall();
    files.fault = [&](std::string_view verb, const std::string&) -> std::optional<Fault> {
        if (verb == "write_durably") CHECK(it->part() == Part::unknown);
        return std::nullopt;
    };
    CHECK(receive(assignment(1, "pg-1")).answer == Answer::done);
    CHECK(it->part() == Part::primary);
    CHECK(it->stored().accepted == 1);
    CHECK(parts() == std::vector{Part::primary});
    CHECK(guarded_until == clock.now() + 3s);
}

TEST_CASE_METHOD(Fixture, "what is asked before the record was read waits, and does not write over it") {
    recall();
    REQUIRE(receive(assignment(2, "pg-2")).answer == Answer::done);
    start();
    std::optional<RightAnswer> promised, assigned;
    boost::asio::co_spawn(loop, it->promise({"orders", "pg-3", 1, Lease{{"life-of-pg-3", clock.now()}, 3s}}),
                          [&](std::exception_ptr, RightAnswer answer) { promised = std::move(answer); });
    boost::asio::co_spawn(loop, it->receive(assignment(1, "pg-1")),
                          [&](std::exception_ptr, RightAnswer answer) { assigned = std::move(answer); });
    for (int i = 0; i < 100; ++i) loop.poll_one();
    CHECK_FALSE((promised || assigned));

    recall();
    test::run_until(loop, [&] { return promised && assigned; });

    CHECK(promised->answer == Answer::refused);
    CHECK(assigned->answer == Answer::refused);
    CHECK(it->stored().term == 2);
    CHECK(it->stored().peers.size() == 2);
    CHECK(records.back() == it->stored());
}

TEST_CASE_METHOD(Fixture, "a record that cannot be read is said to who asks, instead of nothing") {
    files.add_file("/volume/pgbosun/assignment", "broken");
    boost::asio::co_spawn(loop, it->recall(), boost::asio::detached);
    test::run_until(loop, [&] { return !it->unreadable().empty(); });
    CHECK(it->unreadable() == "what a controller has told this instance cannot be read: it is not JSON");

    const auto answer = receive(assignment(1, "pg-1"));
    CHECK(answer.answer == Answer::failed);
    CHECK(answer.detail == it->unreadable());
    CHECK(answer.hint == Membership::hint_to_read);
    CHECK(it->part() == Part::unknown);
}

TEST_CASE_METHOD(Fixture, "a disk that does not take a promotion leaves the instance what it was") {
    recall();
    files.fault = [](std::string_view verb, const std::string&) -> std::optional<Fault> {
        if (verb == "write_durably") return Fault{FaultKind::unavailable, "the disk hangs", ""};
        return std::nullopt;
    };
    CHECK(receive(assignment(1, "pg-1")).answer == Answer::failed);
    CHECK(it->part() == Part::unknown);
    CHECK(parts().empty());
    CHECK(it->stored().term == 0);
}

TEST_CASE_METHOD(Fixture,
                 "a demotion counts at once, also on a disk that does not take it, and is not said before it does") {
    recall();
    CHECK(receive(assignment(1, "pg-1")).answer == Answer::done);
    files.fault = [](std::string_view verb, const std::string&) -> std::optional<Fault> {
        if (verb == "write_durably") return Fault{FaultKind::unavailable, "the disk hangs", ""};
        return std::nullopt;
    };
    CHECK(receive(assignment(2, "pg-2")).answer == Answer::failed);
    CHECK(parts() == std::vector{Part::primary, Part::standby});
    CHECK(it->stored().term == 1);
    // Its postgres may live until the old right ends, and the guard knows.
    CHECK(guarded_until == clock.now() + 3s);
    it->writer_gone();
    CHECK_FALSE(guarded_until);

    files.fault = nullptr;
    CHECK(receive(assignment(2, "pg-2")).answer == Answer::done);
    CHECK(it->stored().term == 2);
    CHECK(it->primary()->conninfo == "host=two");
}

TEST_CASE_METHOD(Fixture, "what an earlier life was told is recalled, and its lease is not") {
    recall();
    CHECK(receive(assignment(4, "pg-1")).answer == Answer::done);
    start();
    recall();
    CHECK(it->right().record.term == 4);
    CHECK(it->part() == Part::isolated);
}

TEST_CASE_METHOD(Fixture, "a record that cannot be read is waited for, never passed over") {
    files.add_file("/volume/pgbosun/assignment", "broken");
    bool over = false;
    boost::asio::co_spawn(loop, it->recall(), [&](std::exception_ptr) { over = true; });
    for (int i = 0; i < 5; ++i) {
        loop.restart();
        loop.run_one_for(20ms);
    }
    CHECK_FALSE(over);
    records.push_back({});
    records.back().cluster = "orders";
    records.back().instance = "pg-1";
    records.back().term = 9;
    files.add_file("/volume/pgbosun/assignment", "0");
    test::run_until(loop, [&] { return over; });
    CHECK(it->right().record.term == 9);
}

TEST_CASE_METHOD(Fixture, "a promise is on disk before it is given") {
    recall();
    REQUIRE(receive(assignment(2, "pg-2")).answer == Answer::done);
    PromiseRequest request{"orders", "pg-2", 3, Lease{{"life-of-pg-2", clock.now()}, 3s}};
    files.fault = [](std::string_view verb, const std::string&) -> std::optional<Fault> {
        if (verb == "write_durably") return Fault{FaultKind::unavailable, "the disk hangs", ""};
        return std::nullopt;
    };
    PromiseRequest again = request;
    CHECK(test::run(loop, it->promise(std::move(again))).answer == Answer::failed);
    files.fault = nullptr;
    const auto given = test::run(loop, it->promise(std::move(request)));
    CHECK(given.answer == Answer::done);
    CHECK(given.promise.promised);
    CHECK(it->stored().term == 3);
    CHECK(records.back().longest_promise == 3s);
}

TEST_CASE_METHOD(Fixture, "a right that runs out isolates the primary before the guard must act") {
    recall();
    CHECK(receive(assignment(1, "pg-1")).answer == Answer::done);
    boost::asio::co_spawn(loop, it->keep_right(), boost::asio::detached);
    clock.advance(2750ms);
    test::run_until(loop, [&] { return parts().size() == 2; });
    CHECK(parts().back() == Part::isolated);
    CHECK(*guarded_until > clock.now());
}

TEST_CASE_METHOD(Fixture, "what still writes under the last right is not waited for when that ends") {
    recall();
    CHECK(receive(assignment(1, "pg-1")).answer == Answer::done);
    CHECK(receive(assignment(2, "pg-2")).answer == Answer::done);
    const auto hurried = [&] {
        return std::ranges::any_of(
            events, [](const auto& event) { return std::holds_alternative<instance::RightEnds>(event); });
    };
    CHECK_FALSE(hurried());
    boost::asio::co_spawn(loop, it->keep_right(), boost::asio::detached);
    clock.advance(2750ms);
    test::run_until(loop, hurried);
    CHECK(*guarded_until > clock.now());
}

TEST_CASE_METHOD(Fixture, "questions to a member that does not answer do not pile up, and the others are asked on") {
    settings.lease.ttl = 60ms;
    recall();
    auto given = assignment(1, "pg-1");
    given.peers.push_back({"pg-3", "http://three", "host=three"});
    given.promotable.names = {"pg-2", "pg-3"};
    hanging = "pg-2";
    REQUIRE(receive(given).answer == Answer::done);

    boost::asio::co_spawn(loop, it->collect_promises(), boost::asio::detached);
    test::run_until(loop, [&] { return asked["pg-3"] == 20; });

    CHECK(asked["pg-2"] == 3);
}
