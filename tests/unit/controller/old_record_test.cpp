#include "controller/old_record.hpp"

#include "scene.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::controller;
using namespace std::chrono_literals;
using pgbosun::test::now;
using pgbosun::test::report;
using pgbosun::test::sees;

namespace {

// c is the primary of term 7, and the record that was put back says: a, term 5.
Knowledge put_back() {
    auto known = test::leading();
    for (const char* name : {"a", "b", "c"}) {
        auto it = report(name, 100, 7);
        it.primary = "c";
        it.reach.term = 7;
        if (name == std::string("c")) {
            it.accepted = 7;
            it.serving = true;
            it.stopped = it.streaming = false;
            it.promotable_version = 9;
            it.synchronous_version = 4;
        }
        sees(known, it);
    }
    return known;
}

Renewal renewed(const Knowledge& known, const std::string& to, const std::vector<std::string>& lost = {}) {
    return renew(known, test::policy(), to, lost, now);
}

void is_silent(Knowledge& known, const std::string& name) { known.seen[name].received_at = now - test::ttl; }

}  // namespace

TEST_CASE("a record is older than the instances when one of them was told something later, of this cluster") {
    struct Row {
        const char* what;
        void (*change)(Knowledge& known);
        const char* why;
    };
    const Row rows[] = {
        {"all is as recorded", [](Knowledge&) {}, ""},
        {"an instance has not heard of the term yet", [](Knowledge& it) { sees(it, report("b", 100, 4)); }, ""},
        {"a later term", [](Knowledge& it) { sees(it, report("b", 100, 6)); },
         "the record is older than the instances (term 6 of b)"},
        {"of data of another system",
         [](Knowledge& it) {
             auto foreign = report("b", 100, 6);
             foreign.system_id = SystemId{8};
             sees(it, foreign);
         },
         ""},
        {"of nobody knows which system",
         [](Knowledge& it) {
             auto empty = report("b", 100, 6);
             empty.system_id.reset();
             sees(it, empty);
         },
         "the record is older than the instances (term 6 of b)"},
        {"another primary of this very term",
         [](Knowledge& it) {
             auto other = report("b");
             other.primary = "c";
             sees(it, other);
         },
         "the record is older than the instances (term 5 with the primary c of b)"},
        {"a later list of the primary",
         [](Knowledge& it) {
             auto primary = test::primary_report();
             primary.promotable_version = 4;
             sees(it, primary);
         },
         "the record is older than the instances (list 4 of a)"},
        {"a later rule of the primary",
         [](Knowledge& it) {
             auto primary = test::primary_report();
             primary.synchronous_version = 1;
             sees(it, primary);
         },
         "the record is older than the instances (rule 1 of a)"},
        {"a rule that is not taken over yet",
         [](Knowledge& it) {
             auto primary = test::primary_report();
             primary.synchronous_version = UINT64_MAX;
             sees(it, primary);
         },
         ""},
        {"what the record itself said before",
         [](Knowledge& it) {
             auto older = test::record();
             older.term = 4;
             for (auto& [name, seen] : it.seen) {
                 seen.report.term = seen.report.accepted = 4;
             }
             learn(it, older, now);
         },
         "the record is older than the one that was there before (term 5)"},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        auto known = test::healthy();
        row.change(known);
        CHECK(why_old(known) == row.why);
    }
}

TEST_CASE("a record that is older than the instances makes no primary and keeps none") {
    for (const Duration later : {0s, 10s, 3000s}) {
        auto known = put_back();
        known.wanted = Wanted{"b", DataLoss::accepted, now + 2h};
        for (auto& [name, seen] : known.seen) seen.received_at = seen.asked_at = now + later;
        const auto choice = test::chosen(known, now + later);
        CHECK(choice.actions.empty());
        CHECK(choice.waits_for == "the record is older than the instances (term 7 of c)");
        CHECK_FALSE(choice.hint.empty());
    }
    // Also where the recorded primary serves, and one says otherwise.
    auto known = test::healthy();
    sees(known, report("b", 100, 6));
    CHECK(test::chosen(known).actions.empty());
}

TEST_CASE("it begins anew with who serves, under a term and lists that nobody has seen, when all others have stopped") {
    const auto renewal = renewed(put_back(), "c");

    REQUIRE(renewal.record);
    const Record& next = *renewal.record;
    CHECK(next.term == 8);
    CHECK(next.primary == "c");
    CHECK(next.chosen == Chosen::all_stopped);
    CHECK(next.data_loss == DataLoss::refused);
    CHECK(next.former == std::vector<std::string>{"a", "b"});
    CHECK(next.promotable == PromotableList{10, {}});
    CHECK(next.acknowledged == next.promotable);
    CHECK(next.synchronous.version == 5);
}

TEST_CASE("who does not answer and may have written is named, and what to do about it") {
    auto known = put_back();
    is_silent(known, "a");
    CHECK(renewed(known, "c").hint == "start it; or, when it is stopped for good: failover --to c --lost a");
    known.record->promotable.names = {"b", "d"};
    CHECK(
        renewed(known, "c", {"a"}).hint ==
        "put it back into `instances` of all controllers; or, when it is stopped for good: failover --to c --lost a,d");
    CHECK(renewed(known, "c", {"a", "d"}).record);
}

TEST_CASE("it does not begin anew with who may lack something, or while somebody may write whom nobody vouches for") {
    struct Row {
        const char* what;
        void (*change)(Knowledge& known);
        std::string to;
        std::vector<std::string> lost;
        const char* why_not;
    };
    const Row rows[] = {
        {"another one serves", [](Knowledge&) {}, "b", {}, "c serves"},
        {"the one that serves is silent",
         [](Knowledge& it) { is_silent(it, "c"); },
         "b",
         {},
         "c does not answer, and may be the primary of a later term"},
        {"the one that serves is no member any more, but others know of it",
         [](Knowledge& it) { it.seen.erase("c"); },
         "b",
         {},
         "c does not answer, and may be the primary of a later term"},
        {"one that could have been promoted is no member any more",
         [](Knowledge& it) { it.record->promotable.names = {"b", "d"}; },
         "c",
         {},
         "d does not answer, and may be the primary of a later term"},
        {"one is silent that has never served",
         [](Knowledge& it) { is_silent(it, "a"); },
         "c",
         {},
         "a does not answer, and may be the primary of a later term"},
        {"it is lost, as the operator vouches", [](Knowledge& it) { is_silent(it, "c"); }, "b", {"c"}, ""},
        {"who is lost answers", [](Knowledge&) {}, "b", {"c"}, "c answers, so it is not lost"},
        {"who is lost is nobody", [](Knowledge&) {}, "c", {"z"}, "\"z\" is not another instance of this cluster"},
        {"another one holds more",
         [](Knowledge& it) {
             is_silent(it, "c");
             it.seen["a"].report.reach.lsn = Lsn{101};
         },
         "b",
         {"c"},
         "a holds more than b"},
        {"another one may hold more",
         [](Knowledge& it) {
             is_silent(it, "c");
             it.seen["a"].report.reach_age.reset();
         },
         "b",
         {"c"},
         "a has not said yet how much it holds"},
        {"it was stopped at once, and cannot say how much it holds: as the primary of that term, all of it",
         [](Knowledge& it) {
             it.seen["c"].report.serving = false;
             it.seen["c"].report.reach.lsn = Lsn{};
             it.seen["c"].report.reach_age.reset();
         },
         "c",
         {},
         ""},
        {"the one that was stopped at once holds all, and another one is asked for",
         [](Knowledge& it) {
             it.seen["c"].report.serving = false;
             it.seen["c"].report.reach_age.reset();
         },
         "b",
         {},
         "c has not said yet how much it holds"},
        {"another one was primary of the same term, and holds more",
         [](Knowledge& it) {
             it.seen["a"].report.accepted = 7;
             it.seen["a"].report.reach.lsn = Lsn{101};
         },
         "c",
         {},
         "a holds more than c"},
        {"it was stopped at once, and another one has data of a later term",
         [](Knowledge& it) {
             it.seen["c"].report.serving = false;
             it.seen["c"].report.reach_age.reset();
             it.seen["a"].report.reach.term = 8;
         },
         "c",
         {},
         "a holds more than c"},
        {"a standby does not say how much it holds",
         [](Knowledge& it) {
             is_silent(it, "c");
             it.seen["b"].report.reach_age.reset();
         },
         "b",
         {"c"},
         "b has not said yet how much it holds"},
        {"who streams from it has said something newer",
         [](Knowledge& it) { it.seen["a"].report.reach.lsn = Lsn{101}; },
         "c",
         {},
         ""},
        {"it is fenced",
         [](Knowledge& it) {
             it.seen["c"].report.fenced = true;
             it.seen["c"].report.serving = false;
         },
         "c",
         {},
         "c may not be promoted: it is fenced"},
        {"the instances follow another cluster",
         [](Knowledge& it) {
             for (auto& [name, seen] : it.seen) {
                 seen.report.serving = false;
                 seen.report.primary = source_name;
             }
         },
         "c",
         {},
         "the instances follow another cluster"},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        auto known = put_back();
        row.change(known);
        const auto renewal = renewed(known, row.to, row.lost);
        CHECK(renewal.why_not == row.why_not);
        CHECK(renewal.record.has_value() == renewal.why_not.empty());
        if (!renewal.record) continue;
        CHECK(renewal.record->lost == row.lost);
        CHECK((renewal.record->data_loss == DataLoss::accepted) == !row.lost.empty());
    }
}
