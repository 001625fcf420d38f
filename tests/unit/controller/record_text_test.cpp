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
    record.former_terms = {{"pg-1", 8}};
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
    // One of before handovers, lost instances, leases and former terms were in it.
    Record older = whole();
    older.handed_by.clear();
    older.lost.clear();
    older.former_terms.clear();
    older.lease_ttl = older.longest_lease = Duration::zero();
    std::string text = to_text(older);
    text = without(std::move(text), " \"handed_by\": \"\",\n", "");
    text = without(std::move(text), " \"lost\": [],\n", "");
    text = without(std::move(text), " \"former_terms\": [],\n", "");
    text = without(std::move(text), ",\n \"lease_ttl_ms\": 0,\n \"longest_lease_ms\": 0", "");
    CHECK(parse_record(text).value() == older);
    Record following = follow_source(whole(), "host=far");
    CHECK(parse_record(to_text(following)).value() == following);
}

TEST_CASE("what a later version or a person wrote is not taken for a record, and the reason names the field") {
    struct Row {
        std::string from, to, why;
    };
    const Row rows[] = {
        {R"("format": 1)", R"("format": 2)", "another format"},
        {R"("format": 1)", R"("format": "1")", "another format"},
        {R"("format": 1)", R"("format": 1.0)", "another format"},
        {R"("format": 1)", R"("format": [1])", "another format"},
        {R"("format": 1)", R"("form": 1)", "another format"},
        {R"("cluster": "orders")", R"("cluster": null)", "\"cluster\" must be a string"},
        {R"("term": 9)", R"("term": "9")", "\"term\" must be a whole number"},
        {R"("term": 9)", R"("term": -9)", "\"term\" must be a whole number"},
        {R"("term": 9)", R"("term": 9.5)", "\"term\" must be a whole number"},
        {R"("term": 9)", R"("term": true)", "\"term\" must be a whole number"},
        {R"("term": 9)", R"("term": 18446744073709551616)", "\"term\" must be a whole number"},
        {R"("term": 9)", R"("term": 9, "more": 1)", "it holds what is not known here"},
        {R"("term": 8)", R"("term": -8)", "\"former_terms.term\" must be a whole number"},
        {R"("term": 8)", R"("term": 8, "more": 1)", "\"former_terms\" holds what is not known here"},
        {R"("paused": true)", R"("resting": 1)", "\"paused\" is missing"},
        {R"("paused": true)", R"("paused": 1)", "\"paused\" must be true or false"},
        {R"("chosen": "all_stopped")", R"("chosen": "all stopped")", "\"chosen\" is none of the words"},
        {R"("data_loss": "accepted")", R"("data_loss": "")", "\"data_loss\" is none of the words"},
        {R"("method": "first")", R"("method": "First")", "\"synchronous.method\" is none of the words"},
        {R"("number": 2)", R"("number": -2)", "\"superseded.number\" must be a whole number"},
        {R"("number": 2)", R"("number": 2147483648)", "\"superseded.number\" must be a whole number"},
        {R"("version": 4)", R"("version": 4, "more": 1)", "\"promotable\" holds what is not known here"},
        {"\"pg-3\"\n", "3\n", "\"promotable.names\" must be a list of names"},
        {"\"pg-3\"\n", "\"\"\n", "\"promotable.names\" must be a list of names"},
        {R"("system_id": "7710436416726794584")", R"("system_id": 7710436416726794584)", "\"system_id\" must be"},
        {"7710436416726794584", "abc", "\"system_id\" must be a whole number as a string, or null"},
        {"7710436416726794584", "77 ", "\"system_id\" must be"},
        {"7710436416726794584", "", "\"system_id\" must be"},
        {"7710436416726794584", "18446744073709551616", "\"system_id\" must be"},
        {R"("lease_ttl_ms": 3000)", R"("lease_ttl_ms": -3000)", "\"lease_ttl_ms\" must be a whole number"},
        {R"("lease_ttl_ms": 3000)", R"("lease_ttl_ms": "3s")", "\"lease_ttl_ms\" must be a whole number"},
        {"10000", "86400001", "\"longest_lease_ms\" must be a whole number, and not too large"},
        {"10000", "9223372036854775807", "\"longest_lease_ms\" must be a whole number, and not too large"},
        {",\n \"longest_lease_ms\": 10000", "", "\"longest_lease_ms\" is missing"},
    };
    const std::string good = to_text(whole());
    for (const auto& [from, to, why] : rows) {
        INFO(from << " -> " << to);
        const auto read = parse_record(without(good, from, to));
        REQUIRE_FALSE(read);
        CHECK(read.error().kind == FaultKind::corrupt);
        CHECK(read.error().what.starts_with("the record cannot be read: " + why));
        CHECK_FALSE(read.error().hint.empty());
    }
    for (const std::string text : {"", "[]", "{}", "null", "\xff", "\"format\""}) CHECK_FALSE(parse_record(text));
    CHECK(parse_record(without(good, "10000", "86400000")).value().longest_lease == std::chrono::hours(24));
}
