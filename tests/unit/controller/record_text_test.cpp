#include "controller/record_text.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::controller;

namespace {

Record whole() {
    Record record;
    record.cluster = "orders";
    record.term = 9;
    record.primary = "pg-2";
    record.chosen = Chosen::all_stopped;
    record.data_loss = DataLoss::accepted;
    record.handed_by = "pg-1";
    record.former = {"pg-1"};
    record.lost = {"pg-1"};
    record.promotable = {4, {"pg-3"}};
    record.acknowledged = {3, {"pg-1", "pg-3"}};
    record.synchronous = {5, SyncMethod::first, 1, {"pg-1", "pg-2", "pg-3"}};
    record.superseded = {{4, SyncMethod::any, 2, {"pg-1"}}};
    record.system_id = SystemId{7'710'436'416'726'794'584U};
    record.paused = true;
    record.lease_ttl = std::chrono::seconds(3);
    record.longest_lease = std::chrono::seconds(10);
    return record;
}

std::string without(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a record is read as it was written") {
    CHECK(parse_record(to_text(whole())).value() == whole());
    Record fresh;
    fresh.cluster = "orders";
    CHECK(parse_record(to_text(fresh)).value() == fresh);
    // One of before a cluster could follow another one.
    CHECK(parse_record(without(to_text(whole()), " \"source\": \"\",\n", "")).value() == whole());
    // One of before handovers, lost instances and leases were in it.
    Record older = whole();
    older.handed_by.clear();
    older.lost.clear();
    older.lease_ttl = older.longest_lease = Duration::zero();
    std::string text = to_text(older);
    text = without(std::move(text), " \"handed_by\": \"\",\n", "");
    text = without(std::move(text), " \"lost\": [],\n", "");
    text = without(std::move(text), ",\n \"lease_ttl_ms\": 0,\n \"longest_lease_ms\": 0", "");
    CHECK(parse_record(text).value() == older);
    Record following = follow_source(whole(), "host=far");
    CHECK(parse_record(to_text(following)).value() == following);
}

TEST_CASE("what a later version or a person wrote is not taken for a record") {
    const std::string good = to_text(whole());
    const std::vector<std::pair<std::string, std::string>> table = {
        {"\"format\": 1", "\"format\": 2"},     {"\"paused\": true", "\"paused\": 1"},
        {"\"paused\": true", "\"resting\": 1"}, {"\"term\": 9", "\"term\": 9, \"more\": 1"},
        {"\"term\": 9", "\"term\": \"nine\""},  {"\"system_id\": \"", "\"system_id\": 1, \"x\": \""},
    };
    for (const auto& [from, to] : table) {
        INFO(from << " -> " << to);
        const auto read = parse_record(without(good, from, to));
        REQUIRE_FALSE(read);
        CHECK(read.error().kind == FaultKind::corrupt);
        CHECK_FALSE(read.error().hint.empty());
    }
    for (const std::string text : {"", "[]", "{}", "null", "\xff"}) CHECK_FALSE(parse_record(text));
}
