#include "instance/synchronous.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::instance;

namespace {

SynchronousRule rule(int number, std::vector<std::string> names) {
    return {1, SyncMethod::any, number, std::move(names)};
}

}  // namespace

TEST_CASE("a rule is taken over when enough of its standbys have all that was there before it") {
    const Lsn since{100};
    struct Row {
        SynchronousRule rule;
        std::map<std::string, Lsn> flushed;
        bool expected;
    };
    const auto rows = {
        Row{rule(0, {}), {}, true},
        Row{rule(1, {"a", "b"}), {{"b", since}}, true},
        Row{rule(1, {"a", "b"}), {{"b", Lsn{99}}}, false},
        Row{rule(1, {"a", "b"}), {{"c", since}}, false},
        Row{rule(2, {"a", "b", "c"}), {{"b", since}}, false},
        Row{rule(2, {"a", "b", "c"}), {{"b", since}, {"c", Lsn{101}}}, true},
        Row{rule(1, {"primary"}), {{"primary", since}}, false},
        Row{rule(1, {}), {{"a", since}}, false},
    };
    int number = 0;
    for (const auto& row : rows) {
        INFO("row " << number++);
        CHECK(taken_over(row.rule, "primary", since, row.flushed) == row.expected);
    }
}
