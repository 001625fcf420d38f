#include "controller/choose.hpp"

#include "instance/right.hpp"
#include "scene.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::controller;
using namespace std::chrono_literals;
using pgbosun::test::candidate;
using pgbosun::test::chosen;
using pgbosun::test::now;
using pgbosun::test::told;
using pgbosun::test::ttl;
using pgbosun::test::written;

namespace {

// Term 6 with primary b is recorded; a has a lease that runs out, for certain, at `now`.
Knowledge succeeding() {
    auto known = test::healthy();
    known.leased_until["a"] = now;
    learn(known, change_primary(*known.record, "b", Chosen::from_list, DataLoss::refused), now - 1s);
    return known;
}

}  // namespace

TEST_CASE("a primary that serves gets one grant for each of its statuses, which hands back its clock") {
    auto known = test::healthy();

    const auto choice = chosen(known);

    const auto* grant = told(choice, "a");
    REQUIRE(grant);
    CHECK(grant->lease == Lease{{"a boot", Instant(77s)}, ttl});
    CHECK(known.leased_until["a"] == now + instance::with_margin(ttl));
    CHECK_FALSE(told(choice, "b"));
    CHECK(written(choice) == nullptr);
    CHECK(choice.waits_for.empty());
    CHECK_FALSE(told(chosen(known), "a"));
}

TEST_CASE("a controller whose leadership has run out does nothing") {
    auto known = test::healthy();
    known.leader_until = now;
    CHECK(chosen(known).actions.empty());
}

TEST_CASE("who has not heard of the term is told") {
    auto known = test::healthy();
    test::sees(known, test::report("b", 100, 4));
    const auto choice = chosen(known);
    REQUIRE(told(choice, "b"));
    CHECK_FALSE(told(choice, "b")->lease);
    CHECK(told(choice, "b")->primary == "a");
}

TEST_CASE("a silent primary is replaced after a lease time, in the record first") {
    auto known = test::leading();
    test::sees(known, test::primary_report(), now - ttl + 1ns);
    test::sees(known, test::report("b"));
    test::sees(known, test::report("c"));
    CHECK(written(chosen(known)) == nullptr);

    const auto choice = chosen(known, now + 1ns);
    REQUIRE(written(choice));
    CHECK(written(choice)->primary == "b");
    CHECK(written(choice)->term == 6);
    CHECK_FALSE(told(choice, "b"));
}

TEST_CASE("a silent primary that all its members have promised lately lives") {
    auto known = test::leading();
    test::sees(known, test::primary_report(), now - 1h);
    auto bound = test::report("b");
    bound.promised_for = 1s;
    test::sees(known, bound);
    auto other = test::report("c");
    other.promised_for = 2s;
    test::sees(known, other);

    const auto choice = chosen(known);

    CHECK(written(choice) == nullptr);
    CHECK(choice.look_again == now + 1s);
    other.promised_for = 0s;
    test::sees(known, other);
    CHECK(written(chosen(known)) != nullptr);
}

TEST_CASE("a primary whose agent answers gets the restart window to come back by itself") {
    const auto down = [](Instant asked_at) {
        auto known = test::leading();
        known.served_at = now - 5s;
        auto report = test::primary_report();
        report.serving = false;
        report.stopped = true;
        test::sees(known, report, asked_at);
        test::sees(known, test::report("b"));
        return known;
    };
    auto known = down(now);
    CHECK(written(chosen(known)) != nullptr);
    known = down(now - 1ns);
    CHECK(written(chosen(known)) == nullptr);
}

TEST_CASE("without a restart window a primary that has served is replaced at once, a new one after a lease time") {
    auto policy = test::policy();
    policy.restart_window = Duration::zero();
    auto known = test::healthy();
    auto down = test::primary_report();
    down.serving = false;
    down.stopped = true;
    test::sees(known, down, now + 1ms);
    CHECK(written(choose(known, policy, now + 1ms)) != nullptr);

    known = test::leading();
    known.served_at = now;
    test::sees(known, down, now + test::ttl - 1ms);
    test::sees(known, test::report("b"), now + test::ttl - 1ms);
    CHECK(written(choose(known, policy, now + test::ttl - 1ms)) == nullptr);
    test::sees(known, down, now + test::ttl);
    CHECK(written(choose(known, policy, now + test::ttl)) != nullptr);
}

TEST_CASE("the first primary of a cluster is waited for as long as it can still become one") {
    auto known = test::leading();
    known.record->system_id.reset();
    known.served_at = now - 1h;
    auto report = test::primary_report();
    report.serving = false;
    report.system_id.reset();
    test::sees(known, report);
    test::sees(known, test::report("b"));
    const auto choice = chosen(known);
    CHECK(written(choice) == nullptr);
    CHECK(choice.waits_for == "the first primary is being made");

    report.able = false;
    test::sees(known, report, now + 1ns);
    CHECK(written(chosen(known)) != nullptr);
}

TEST_CASE("while it is paused, or its primary is fenced, a cluster is left as it is") {
    auto known = test::leading();
    known.record->paused = true;
    test::sees(known, test::report("b"));
    auto choice = chosen(known);
    CHECK(written(choice) == nullptr);
    CHECK(choice.waits_for == "it is paused");

    known = test::leading();
    auto fenced = test::primary_report();
    fenced.serving = false;
    fenced.fenced = fenced.stopped = true;
    test::sees(known, fenced);
    test::sees(known, test::report("b"));
    CHECK(written(chosen(known)) == nullptr);
}

TEST_CASE("a primary that was fenced has its restart window from when it is unfenced on") {
    auto known = test::leading();
    test::sees(known, test::primary_report(), now - 1h);
    auto report = test::primary_report();
    report.serving = report.able = false;
    report.fenced = report.stopped = true;
    const auto all_see = [&](Instant at) {
        test::sees(known, report, at);
        test::sees(known, test::report("b"), at);
        test::sees(known, test::report("c"), at);
        return chosen(known, at);
    };
    CHECK(all_see(now).waits_for == "the primary is fenced");

    report.fenced = false;
    report.able = true;
    CHECK(all_see(now + 1s).waits_for == "the primary answers, but does not serve yet");
    CHECK(written(all_see(now + 5s - 1ms)) == nullptr);
    CHECK(written(all_see(now + 5s)) != nullptr);
}

TEST_CASE("the recorded primary is promoted when leases and promises have run out, and what it says is newer") {
    struct Row {
        const char* name;
        Instant at;
        Duration bound_for;
        bool promoted;
    };
    const Row rows[] = {
        {"the lease may still hold", now - 1ns, {}, false},
        {"it is bound by a promise", now, 1ns, false},
        {"all has run out", now, {}, true},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        auto known = succeeding();
        auto report = candidate();
        report.bound_for = row.bound_for;
        test::sees(known, report, row.at);
        test::sees(known, test::report("c", 100, 6), row.at);
        const auto choice = chosen(known, row.at);
        const auto* promotion = told(choice, "b");
        CHECK((promotion != nullptr && promotion->lease) == row.promoted);
        if (!row.promoted) continue;
        CHECK(promotion->former == FormerPrimary::perhaps_alive);
        CHECK(promotion->at_least == Reach{5, Timeline{1}, Lsn{100}});
    }
}

TEST_CASE("a stop that was acknowledged under this term, and no other, makes the wait unnecessary") {
    auto known = succeeding();
    known.leased_until["a"] = now + 1h;
    auto stopped = test::report("a");
    test::sees(known, stopped, now + 1ms);
    test::sees(known, candidate(), now + 3ms);
    test::sees(known, test::report("c", 100, 6), now + 3ms);
    CHECK_FALSE(told(chosen(known), "b"));

    stopped.term = 6;
    stopped.primary = "b";
    test::sees(known, stopped, now + 2ms);
    const auto choice = chosen(known, now + 3ms);
    REQUIRE(told(choice, "b"));
    CHECK(told(choice, "b")->former == FormerPrimary::stopped);
}

TEST_CASE("every former primary has to stop, not only the last one") {
    auto known = succeeding();
    known.record->former = {"z", "a"};
    known.leased_until["z"] = now + 1s;
    auto stopped = test::report("a", 100, 6);
    stopped.primary = "b";
    test::sees(known, stopped);
    test::sees(known, candidate());
    CHECK_FALSE(told(chosen(known), "b"));
    CHECK_FALSE(proof_of_stop(known, test::policy(), now));
    CHECK(proof_of_stop(known, test::policy(), now + 1s));
}

TEST_CASE("a fresh leader takes it that a lease was granted just before its election") {
    auto known = elected(now, now + 1h);
    learn(known, change_primary(test::record(), "b", Chosen::from_list, DataLoss::refused), now);
    CHECK_FALSE(proof_of_stop(known, test::policy(), now + instance::with_margin(ttl) - 1ns));
    CHECK(proof_of_stop(known, test::policy(), now + instance::with_margin(ttl)));
}

TEST_CASE("a recorded primary that another one surpasses gives way before it is promoted") {
    auto known = succeeding();
    test::sees(known, candidate(100), now);
    auto ahead = test::report("c", 101, 6);
    ahead.primary = "b";
    test::sees(known, ahead, now);

    const auto choice = chosen(known);

    REQUIRE(written(choice));
    CHECK(written(choice)->primary == "c");
    CHECK(written(choice)->former == std::vector<std::string>{"a", "b"});
}

TEST_CASE("lists and rules move one step at a time") {
    auto known = test::healthy();
    known.record->acknowledged.version = 2;
    auto choice = chosen(known);
    REQUIRE(written(choice));
    CHECK(written(choice)->acknowledged == written(choice)->promotable);

    known = test::healthy();
    known.record->promotable.version = 4;  // a has taken over 3 only
    auto fenced = test::report("c");
    fenced.fenced = true;
    test::sees(known, fenced);
    CHECK(written(chosen(known)) == nullptr);

    known = test::healthy();
    test::sees(known, fenced);
    choice = chosen(known);
    REQUIRE(written(choice));
    CHECK(written(choice)->promotable == PromotableList{4, {"b"}});
    CHECK(written(choice)->acknowledged.version == 3);
}

TEST_CASE("former primaries are forgotten when the new one serves and has taken over the synchronous rule") {
    auto known = test::healthy();
    known.record->former = {"b"};
    known.record->synchronous = {8, SyncMethod::any, 1, {"a", "b"}};
    auto policy = test::policy();
    policy.synchronous = SynchronousWish{};
    auto report = test::primary_report();
    test::sees(known, report);
    auto choice = choose(known, policy, now);
    CHECK((written(choice) == nullptr || !written(choice)->former.empty()));

    known.in_flight.reset();
    report.synchronous_version = 8;
    test::sees(known, report);
    choice = choose(known, policy, now);
    REQUIRE(written(choice));
    CHECK(written(choice)->former.empty());
}

TEST_CASE(
    "a rule is forgotten when one with standbys is in force, or none is wanted, and not while the primary goes on "
    "alone") {
    const SynchronousRule before{7, SyncMethod::any, 1, {"a", "b"}};
    const auto superseded = [&](int number, std::vector<std::string> names) {
        auto known = test::healthy();
        known.record->superseded = {before};
        known.record->synchronous = {8, SyncMethod::any, number, std::move(names)};
        auto report = test::primary_report();
        report.synchronous_version = 8;
        test::sees(known, report);
        auto policy = test::policy();
        if (number > 0 || !known.record->synchronous.names.empty()) {
            policy.synchronous = SynchronousWish{SyncMethod::any, 1, DataDurability::preferred};
        }
        const auto choice = choose(known, policy, now);
        return written(choice) == nullptr ? known.record->superseded : written(choice)->superseded;
    };
    CHECK(superseded(1, {"a", "b", "c"}).empty());
    CHECK(superseded(0, {}).empty());
    CHECK(superseded(0, {"a"}) == std::vector<SynchronousRule>{before});
}

TEST_CASE("a switchover goes to who is on the list and can be promoted, else nothing changes") {
    const auto wants = [](const char* name, void (*change)(Knowledge&)) {
        auto known = test::healthy();
        known.wanted = Wanted{name, DataLoss::refused, now + 1s};
        change(known);
        auto choice = chosen(known);
        const auto* record = written(choice);
        return record == nullptr ? std::string() : record->primary;
    };
    CHECK(wants("c", [](Knowledge&) {}) == "c");
    CHECK(wants("a", [](Knowledge&) {}).empty());
    CHECK(wants("nobody", [](Knowledge&) {}).empty());
    CHECK(wants("c", [](Knowledge& known) { known.wanted->until = now; }).empty());
    CHECK(wants("c", [](Knowledge& known) { known.record->acknowledged = {3, {"b"}}; }) != "c");
}

TEST_CASE("after a shutdown whoever holds all of it is promoted, and others are waited for in all other cases") {
    struct Row {
        const char* what;
        std::uint64_t primary_end;
        Duration primary_age;
        std::uint64_t candidate_end;
        bool promoted;
    };
    const Row rows[] = {
        {"the candidate holds what the primary's data ends with", 100, 0ms, 100, true},
        {"it holds less", 101, 0ms, 100, false},
        {"the primary has crashed, and does not say where its data ends", 100, 1ms, 100, false},
        {"the primary has lost its data", 0, 0ms, 100, false},
    };
    for (const auto& row : rows) {
        INFO(row.what);
        auto known = succeeding();
        auto former = test::report("a", row.primary_end, 6);
        former.streaming = false;
        former.reach_age = row.primary_age;
        test::sees(known, former, now + 100ms);
        test::sees(known, candidate(row.candidate_end), now + 101ms);

        // What c said was before the primary had stopped.
        const auto choice = chosen(known, now + 102ms);
        const auto* told_b = told(choice, "b");
        CHECK((told_b != nullptr && told_b->lease.has_value()) == row.promoted);
    }
}

TEST_CASE("a new cluster gets its first primary when every member has answered: the one with data") {
    auto known = elected(now - 1h, now + 1h);
    Record empty;
    empty.cluster = "orders";
    learn(known, empty, now);
    for (const char* name : {"a", "b"}) {
        auto report = test::report(name, 0, 0);
        report.reach = {};
        report.primary.clear();
        test::sees(known, report);
    }
    CHECK(written(chosen(known)) == nullptr);

    auto with_data = test::report("c", 100, 0);
    with_data.reach.term = 0;
    with_data.primary.clear();
    test::sees(known, with_data);
    const auto choice = chosen(known);
    REQUIRE(written(choice));
    CHECK(written(choice)->primary == "c");
    CHECK(written(choice)->term == 1);
    CHECK(written(choice)->former.empty());
}

TEST_CASE("a status of another cluster, or one that an older request brought late, changes nothing") {
    auto known = test::healthy();
    auto foreign = test::report("b", 999);
    foreign.cluster = "order";
    test::sees(known, foreign, now + 1s);
    test::sees(known, test::report("b", 1), now - 1s);
    CHECK(find(known, "b")->report.reach.lsn == Lsn{100});
}

TEST_CASE("a lease is granted for no longer than the record says that one may be") {
    struct Row {
        const char* what;
        Duration recorded, longest, ours;
        Duration granted;
        Duration ttl_after, longest_after;
    };
    const Row rows[] = {
        {"as recorded", 3s, 3s, 3s, 3s, 3s, 3s},
        {"longer ones come when they are recorded", 3s, 3s, 10s, 3s, 10s, 10s},
        {"shorter ones at once, and what was granted is remembered", 10s, 10s, 3s, 3s, 3s, 10s},
        {"an earlier version has recorded none", 0s, 0s, 3s, 0s, 3s, 3s},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        auto known = test::healthy();
        known.record->lease_ttl = row.recorded;
        known.record->longest_lease = row.longest;
        auto policy = test::policy();
        policy.ttl = row.ours;
        const auto choice = choose(known, policy, now);
        const auto* grant = told(choice, "a");
        CHECK((grant == nullptr ? 0s : grant->lease->ttl) == row.granted);
        const Record& after = written(choice) == nullptr ? *known.record : *written(choice);
        CHECK(after.lease_ttl == row.ttl_after);
        CHECK(after.longest_lease == row.longest_after);
    }
}

TEST_CASE("longer leases of before are forgotten when they have run out, and are waited for until then") {
    auto record = change_primary(test::record(), "b", Chosen::from_list, DataLoss::refused);
    record.longest_lease = 10s;
    auto known = elected(now, now + 1h);
    learn(known, record, now);
    const Instant end = now + instance::with_margin(10s);
    CHECK_FALSE(proof_of_stop(known, test::policy(), end - 1ns));
    CHECK(proof_of_stop(known, test::policy(), end));

    known = test::healthy();
    record = test::record();
    record.longest_lease = 10s;
    learn(known, record, now);
    test::sees(known, test::primary_report(), end - 1ns);
    for (const char* name : {"b", "c"}) test::sees(known, test::report(name), end - 1ns);
    CHECK(written(chosen(known, end - 1ns)) == nullptr);
    const auto choice = chosen(known, end);
    REQUIRE(written(choice));
    CHECK(written(choice)->longest_lease == ttl);
}

TEST_CASE("who is lost, as an operator vouches, is waited for as long as its lease and its promises may hold") {
    auto record = change_primary(test::record(), "b", Chosen::all_stopped, DataLoss::accepted);
    auto known = elected(now, now + 1h);
    learn(known, record, now);
    const Instant end = now + instance::with_margin(ttl);
    const auto promoted = [&](Instant at, Duration bound_for) {
        auto b = candidate();
        b.bound_for = bound_for;
        test::sees(known, b, at);
        const auto choice = chosen(known, at);
        const auto* it = told(choice, "b");
        return it != nullptr && it->lease.has_value();
    };
    CHECK_FALSE(promoted(end + 1ms, 0s));

    record.lost = {"a"};
    learn(known, record, now);
    known.unbound_at.reset();
    CHECK_FALSE(promoted(end - 1ms, 1s));
    CHECK_FALSE(promoted(end + 2ms, 1s));
    CHECK(promoted(end + 3ms, 0s));
}
