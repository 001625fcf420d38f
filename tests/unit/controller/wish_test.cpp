// What becomes of an operator's wish, step by step.
#include "scene.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::controller;
using namespace std::chrono_literals;
using test::chosen;
using test::now;
using test::sees;
using test::written;

TEST_CASE("a switchover is carried out once: after a write that failed again, and not when the record has named it") {
    auto known = test::healthy();
    known.wanted = Wanted{"c", DataLoss::refused, now + 1s, WishStep::checkpoint, "a"};
    CHECK(written(chosen(known)) == nullptr);
    CHECK(pending_wish(known) != nullptr);
    known.wanted->step = WishStep::ready;
    REQUIRE(written(chosen(known)) != nullptr);

    const Record before = *known.record;
    forget_record(known);
    learn(known, before, now);
    sees(known, test::primary_report());
    sees(known, test::report("b"));
    sees(known, test::report("c"));
    CHECK(known.wanted->step == WishStep::ready);
    const auto choice = chosen(known);
    REQUIRE(written(choice) != nullptr);
    CHECK(written(choice)->primary == "c");

    learn(known, *written(choice), now);
    CHECK(known.wanted->step == WishStep::recorded);
    CHECK(pending_wish(known) == nullptr);
    learn(known, change_primary(*known.record, "a", Chosen::from_list, DataLoss::refused), now);
    CHECK(known.wanted->step == WishStep::overtaken);
}

TEST_CASE("a wish is overtaken when the record names neither who was asked for nor who was the primary then") {
    struct Row {
        const char* primary;
        WishStep step;
    };
    for (const Row& row : {Row{"a", WishStep::ready}, {"b", WishStep::overtaken}, {"c", WishStep::recorded}}) {
        CAPTURE(row.primary);
        auto known = test::healthy();
        known.wanted = Wanted{"c", DataLoss::refused, now + 1s, WishStep::ready, "a"};
        Record record = *known.record;
        record.primary = row.primary;
        learn(known, record, now);
        CHECK(known.wanted->step == row.step);
    }
}
