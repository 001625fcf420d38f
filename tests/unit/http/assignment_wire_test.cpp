#include "http/assignment_wire.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::http;
using namespace std::chrono_literals;

namespace {

Assignment promotion() {
    Assignment it;
    it.cluster = "orders";
    it.instance = "pg-2";
    it.term = 7;
    it.primary = "pg-2";
    it.promotable = {12, {"pg-1", "pg-3"}};
    it.synchronous = {3, SyncMethod::first, 1, {"pg-1", "pg-2", "pg-3"}};
    it.peers = {{"pg-1", "http://pg-1:8008", "host=pg-1 port=5432"}, {"pg-2", "https://[::1]:8008", "host=pg-2"}};
    it.lease = Lease{Echo{"0123abcd", Instant(81'234ms)}, 3s};
    it.former = FormerPrimary::stopped;
    it.at_least = {6, Timeline{3}, Lsn{0x5000060}};
    return it;
}

bool same(const Assignment& a, const Assignment& b) {
    return a.cluster == b.cluster && a.instance == b.instance && a.term == b.term && a.primary == b.primary &&
           a.promotable == b.promotable && a.synchronous == b.synchronous && a.peers == b.peers && a.lease == b.lease &&
           a.former == b.former && a.at_least == b.at_least;
}

std::string with(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("an assignment is read as it was written") {
    const auto read = parse_assignment(render_assignment(promotion()));
    REQUIRE(read);
    CHECK(same(*read, promotion()));

    Assignment follower;
    follower.cluster = "orders";
    follower.instance = "pg-3";
    follower.term = 18'446'744'073'709'551'615U;
    follower.primary = "pg-2";
    const auto back = parse_assignment(render_assignment(follower));
    REQUIRE(back);
    CHECK(same(*back, follower));
}

TEST_CASE("an agent's clock is rounded down to a millisecond, so that a lease only gets shorter") {
    Assignment it = promotion();
    it.lease = Lease{Echo{"x", Instant(1'999'999ns)}, 2'999'999ns};
    const auto read = parse_assignment(render_assignment(it));
    REQUIRE(read);
    CHECK(read->lease->echo.at == Instant(1ms));
    CHECK(read->lease->ttl == 2ms);
}

TEST_CASE("an assignment that is not quite one is refused, and the field is named") {
    const std::string good = render_assignment(promotion());
    REQUIRE(parse_assignment(good));
    const std::vector<std::tuple<std::string, std::string, std::string>> table = {
        {"\"term\":7", "\"term\":-7", "term"},
        {"\"term\":7", "\"term\":7.0", "term"},
        {"\"term\":7", "\"term\":\"7\"", "term"},
        {"\"term\":7", "\"term\":18446744073709551616", "term"},
        {"\"term\":7,", "", "term"},
        {"\"term\":7", "\"term\":7,\"term\":8", "term"},
        {"\"term\":7", "\"term\":7,\"quorum\":8", "quorum"},
        {"\"cluster\":\"orders\"", "\"cluster\":null", "cluster"},
        {"\"cluster\":\"orders\"", "\"cluster\":\"" + std::string(1001, 'x') + "\"", "cluster"},
        {"\"cluster\":\"orders\"", "\"cluster\":\"a\\nb\"", "cluster"},
        {"[\"pg-1\",\"pg-3\"]", "[\"pg-1\",\"pg-1\"]", "promotable.names"},
        {"[\"pg-1\",\"pg-3\"]", "[\"pg-1\",3]", "promotable.names"},
        {"[\"pg-1\",\"pg-3\"]", "[\"\"]", "promotable.names"},
        {"[\"pg-1\",\"pg-3\"]", "{}", "promotable.names"},
        {"\"version\":12", "\"version\":12,\"more\":1", "promotable.more"},
        {"\"method\":\"first\"", "\"method\":\"last\"", "synchronous.method"},
        {"\"number\":1", "\"number\":65", "synchronous.number"},
        {"\"name\":\"pg-1\"", "\"nom\":\"pg-1\"", "peers"},
        {"\"monotonic_ms\":81234", "\"monotonic_ms\":9223372036854775807", "lease.monotonic_ms"},
        {"\"ttl_ms\":3000", "\"ttl_ms\":3600001", "lease.ttl_ms"},
        {"\"boot_id\":\"0123abcd\",", "", "lease.boot_id"},
        {"\"former\":\"stopped\"", "\"former\":true", "former"},
        {"\"lsn\":\"0/5000060\"", "\"lsn\":\"5000060\"", "at_least.lsn"},
        {"\"timeline\":3", "\"timeline\":4294967296", "at_least.timeline"},
    };
    for (const auto& [from, to, field] : table) {
        INFO(from << " -> " << to.substr(0, 60));
        const auto read = parse_assignment(with(good, from, to));
        REQUIRE_FALSE(read);
        CHECK(read.error().kind == FaultKind::refused);
        CHECK(read.error().what.find("\"" + field + "\"") != std::string::npos);
    }
    for (const std::string text : {"", "[]", "null", "{", "{\"cluster\":", "\xff"}) CHECK_FALSE(parse_assignment(text));
    std::string crowded;
    for (int i = 0; i < 65; ++i) crowded += (i == 0 ? "\"n" : ",\"n") + std::to_string(i) + "\"";
    CHECK_FALSE(parse_assignment(with(good, "[\"pg-1\",\"pg-3\"]", "[" + crowded + "]")));
}

TEST_CASE("promises are read as they were written, and nothing else is") {
    const PromiseRequest request{"orders", "pg-1", 7, Lease{Echo{"abc", Instant(5s)}, 3s}};
    const auto read = parse_promise_request(render_promise_request(request));
    REQUIRE(read);
    CHECK(read->cluster == "orders");
    CHECK(read->from == "pg-1");
    CHECK(read->term == 7);
    CHECK(read->lease == request.lease);

    const PromiseAnswer answer{"pg-2", 7, true, request.lease};
    const auto answered = parse_promise_answer(render_promise_answer(answer));
    REQUIRE(answered);
    CHECK(answered->from == "pg-2");
    CHECK(answered->promised);
    CHECK(answered->lease == request.lease);
    CHECK_FALSE(parse_promise_answer(render_promise_request(request)));
    CHECK_FALSE(parse_promise_request(render_promise_answer(answer)));
    CHECK_FALSE(parse_promise_answer(with(render_promise_answer(answer), "true", "1")));
}

TEST_CASE("what an agent must not forget is read as it was written, and nothing else is") {
    AgentRecord record;
    record.cluster = "orders";
    record.instance = "pg-1";
    record.term = 7;
    record.primary = "pg-2";
    record.upstream = "pg-3";
    record.accepted = 5;
    record.first_term = 2;
    record.data_term = 6;
    record.promotable = {12, {"pg-1", "pg-3"}};
    record.synchronous = {3, SyncMethod::first, 1, {"pg-1", "pg-2"}};
    record.peers = {{"pg-1", "http://pg-1:8008", "host=pg-1 port=5432"}};
    record.longest_promise = 3s;
    record.system_id = SystemId{18'446'744'073'709'551'615U};
    CHECK(parse_agent_record(render_agent_record(record)) == record);
    CHECK(parse_agent_record(render_agent_record(AgentRecord{})) == AgentRecord{});

    const std::string text = render_agent_record(record);
    // A record of before there were upstreams.
    record.upstream.clear();
    CHECK(parse_agent_record(with(text, "\"upstream\":\"pg-3\",", "")) == record);
    // One of before there was a first term vouches for nothing that it has been.
    auto older = record;
    older.first_term = record.term;
    CHECK(parse_agent_record(with(with(text, "\"upstream\":\"pg-3\",", ""), "\"first_term\":2,", "")) == older);
    CHECK_FALSE(parse_agent_record(text.substr(0, text.size() / 2)));
    CHECK_FALSE(parse_agent_record(with(text, "\"data_term\":6,", "")));
    CHECK_FALSE(parse_agent_record(with(text, "\"term\":7", "\"term\":7,\"surprise\":1")));
    CHECK_FALSE(parse_agent_record(with(text, "18446744073709551615", "18446744073709551616")));
}
