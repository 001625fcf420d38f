#include "postgres/slots.hpp"

#include "postgres/slot_names.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::postgres;

TEST_CASE("a member's slot is called so that PostgreSQL takes it, and no two members' alike") {
    CHECK(member_slot("_pgbosun_", "pg-1") == "_pgbosun_pg_1");
    CHECK(member_slot("_cnpg_", "PG-1.example") == "_cnpg_pg_1_example");
    const std::string stem(60, 'x');
    const auto first = member_slot("_pgbosun_", stem + "-0"), second = member_slot("_pgbosun_", stem + "-1");
    CHECK(first.size() == longest_slot_name);
    CHECK(first.starts_with("_pgbosun_x"));
    CHECK(first != second);
}

TEST_CASE("a prefix is what can begin a slot's name and leaves room for an instance's") {
    for (const char* good : {"_pgbosun_", "a", "_cnpg_", "0"}) CHECK(check_slot_prefix(good));
    for (const char* bad : {"", "Upper_", "a-b", "a b", "twenty_one_characters"}) {
        INFO(bad);
        CHECK_FALSE(check_slot_prefix(bad));
    }
}

TEST_CASE("a slot is excluded by a regular expression that matches anywhere in its name") {
    CHECK(is_excluded("debezium_orders", {"^nothing", "^debezium_"}));
    CHECK(is_excluded("my_debezium", {"debezium"}));
    CHECK_FALSE(is_excluded("my_debezium", {"^debezium"}));
    CHECK_FALSE(is_excluded("x", {}));
    CHECK_FALSE(is_excluded("(", {"("}));
    CHECK(check_slot_pattern("^(a|b)_[0-9]+$"));
    const auto refused = check_slot_pattern("(");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().what.starts_with("\"(\" is no regular expression: "));
    CHECK_FALSE(check_slot_pattern(""));
    CHECK_FALSE(check_slot_pattern(std::string(201, 'a')));
}

TEST_CASE("what a server says of its slots is read, or refused as a whole") {
    const auto slots = parse_slots({{}, {{"a", "t", "f", "0/3000000", "f"}, {"b", "f", "t", std::nullopt, "t"}}});
    REQUIRE(slots);
    CHECK(*slots == std::vector<ReplicationSlot>{{"a", true, false, Lsn{0x3000000}, false},
                                                 {"b", false, true, std::nullopt, true}});
    CHECK_FALSE(parse_slots({{}, {{"a", "t", "f", "not a position", "f"}}}));
    CHECK_FALSE(parse_slots({{}, {{"a", "t", "f"}}}));
    CHECK_FALSE(parse_slots({{}, {{std::nullopt, "t", "f", "0/3000000", "f"}}}));
}
