#include "controller/record.hpp"

#include "scene.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::controller;

TEST_CASE("a change of primary raises the term, remembers who may still write, and only shrinks the list") {
    auto record = test::record();
    record.promotable = {4, {"b", "d"}};
    record.acknowledged = {3, {"b", "c"}};

    const auto next = change_primary(record, "b", Chosen::from_list, DataLoss::refused);
    CHECK(next.term == 6);
    CHECK(next.primary == "b");
    CHECK(next.former == std::vector<std::string>{"a"});
    CHECK(next.former_terms == std::map<std::string, Term>{{"a", 5}});
    CHECK(next.promotable == PromotableList{5, {}});
    CHECK(next.acknowledged == next.promotable);

    const auto third = change_primary(next, "c", Chosen::all_stopped, DataLoss::refused);
    CHECK(third.former == std::vector<std::string>{"a", "b"});
    CHECK(third.former_terms == std::map<std::string, Term>{{"a", 5}, {"b", 6}});

    const auto back = change_primary(third, "a", Chosen::all_stopped, DataLoss::refused);
    CHECK(back.former == std::vector<std::string>{"b", "c"});
    CHECK(back.former_terms == std::map<std::string, Term>{{"b", 6}, {"c", 7}});
    CHECK(back.term == 8);
}

TEST_CASE("the new list is what both lists have in common, without the new primary") {
    struct Row {
        std::vector<std::string> current, acknowledged, expected;
    };
    const auto rows = {
        Row{{"b", "c"}, {"b", "c"}, {"c"}},
        Row{{"b", "c"}, {"b"}, {}},
        Row{{"b"}, {"b", "c"}, {}},
        Row{{"b", "c", "d"}, {"d", "c", "b"}, {"c", "d"}},
    };
    for (const auto& row : rows) {
        auto record = test::record();
        record.promotable.names = row.current;
        record.acknowledged.names = row.acknowledged;
        CHECK(change_primary(record, "b", Chosen::from_list, DataLoss::refused).promotable.names == row.expected);
    }
}
