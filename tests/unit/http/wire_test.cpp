#include "http/wire.hpp"

#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "unit/http/status_of.hpp"

using namespace pgbosun;
using namespace pgbosun::http;
using namespace pgbosun::test;
using Json = nlohmann::json;

TEST_CASE("a status reads back as it was written") {
    for (const InstanceStatus& status : {full_status(), running_primary(), streaming_standby(), InstanceStatus{}}) {
        const std::string text = render_status(status);
        const auto read = parse_status(text);
        CAPTURE(text);
        REQUIRE(read);
        CHECK(render_status(*read) == text);
    }
}

TEST_CASE("the status has the names and types that people rely on") {
    const Json json = Json::parse(render_status(full_status()));

    CHECK(json["monotonic_ms"] == 100000);
    CHECK(json["valid_for_ms"] == 2780);
    CHECK(json["phase"] == "running");
    CHECK(json["system_id"] == "7710436416726794584");
    CHECK(json["fenced"]["reason"] == "because");
    CHECK(json["postgres"]["up_s"] == 3712.0);
    CHECK(json["postgres"]["silent_for_s"] == 1.5);
    CHECK(json["lsn"]["current"] == "0/5000060");
    CHECK(json["lsn"]["lag_bytes"] == 0);
    CHECK(json["standbys"][1]["replay_lag_bytes"].is_null());
    CHECK(json["slots"][0]["kept_bytes"] == 1048576);
    CHECK(json["slots"][0]["active"] == false);
    CHECK(json["slots"][1]["wal_status"].is_null());
    CHECK(json["archive"]["backlog"] == 4);
    CHECK(json["managed"]["bound_for_ms"] == 250);
    CHECK(json["managed"]["silent_members"][0]["name"] == "pg-3");
    CHECK(json["managed"]["silent_members"][0]["for_s"] == 6.0);
    CHECK(json["backup"]["last_id"] == "20261121T010000");
    CHECK(json["drill"]["recovery_s"] == 412.5);
    CHECK(json["volumes"][0]["hangs_for_s"] == 3.0);
    CHECK(json["volumes"][0]["full_for_s"] == 7.0);
    CHECK(json["lsn"]["sender"] == "10.0.0.7:5432");
    CHECK(json["progress"]["for_s"] == 9.0);
    CHECK(json["log"]["blocked_for_s"] == 2.0);
    CHECK(json["log"]["lost_lines"] == 3);
    CHECK(json["facts_age_s"] == 0.4);
    CHECK(Json::parse(render_status(running_primary()))["fenced"].is_null());
}

TEST_CASE("bytes that are not UTF-8 do not break a document") {
    InstanceStatus status = running_primary();
    status.reason = "database \xff\xfe";
    CHECK(Json::parse(render_status(status))["reason"].get<std::string>().starts_with("database "));
    CHECK(Json::parse(render_problem({409, "\xff", "\xff", {}}))["status"] == 409);
}

TEST_CASE("what is not a status is refused with the field's name") {
    const Json good = Json::parse(render_status(full_status()));
    struct Row {
        const char* pointer;
        Json value;
        const char* named;
    };
    for (const Row& row : {Row{"/phase", "flying", "phase"}, Row{"/role", 1, "role"}, Row{"/term", -1, "term"},
                           Row{"/monotonic_ms", 1e300, "monotonic_ms"}, Row{"/system_id", "12x", "system_id"},
                           Row{"/monotonic_ms", 9223372036854775807, "monotonic_ms"}, Row{"/ready", "yes", "ready"},
                           Row{"/postgres/pid", 1e10, "postgres.pid"}, Row{"/postgres", 3, "postgres"},
                           Row{"/postgres/up_s", 1e300, "postgres.up_s"}, Row{"/lsn/current", "1-2", "lsn.current"},
                           Row{"/standbys", Json::object(), "standbys"},
                           Row{"/pending_restart_parameters", Json::array({1}), "pending_restart_parameters"},
                           Row{"/volumes/0/total_bytes", "x", "volumes.total_bytes"}}) {
        Json bad = good;
        bad[Json::json_pointer(row.pointer)] = row.value;
        const auto read = parse_status(bad.dump());
        CAPTURE(row.pointer);
        REQUIRE_FALSE(read);
        CHECK(read.error().kind == FaultKind::corrupt);
        CHECK(read.error().what.ends_with(": " + std::string(row.named)));
    }
    for (const char* text : {"", "[]", "null", "{", "3", "{}"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_status(text));
    }
}

TEST_CASE("a control request takes what its verb knows") {
    CHECK(parse_control(Verb::fence, ""));
    CHECK(parse_control(Verb::fence, "{}"));
    CHECK(parse_control(Verb::fence, R"({"reason": "disk swap"})")->reason == "disk swap");
    CHECK(parse_control(Verb::promote, R"({"force": true})")->force);
    CHECK(parse_control(Verb::demote, R"({"upstream": "host=pg-2"})")->upstream == "host=pg-2");
    CHECK(parse_control(Verb::fence, Json{{"reason", std::string(1000, 'x')}}.dump()));
}

TEST_CASE("a control request that is not meant that way is refused and named") {
    struct Row {
        Verb verb;
        std::string body;
        const char* named;
    };
    for (const Row& row :
         {Row{Verb::fence, "reason", "not JSON"}, Row{Verb::fence, "[]", "not a JSON object"},
          Row{Verb::fence, "{} x", "not JSON"}, Row{Verb::fence, R"({"reason": 1})", "\"reason\": must be a string"},
          Row{Verb::fence, R"({"reason": null})", "\"reason\""}, Row{Verb::fence, R"({"reasn": "x"})", "\"reasn\""},
          Row{Verb::fence, R"({"force": true})", "\"force\": is not known to fence"},
          Row{Verb::promote, R"({"force": "true"})", "\"force\": must be true or false"},
          Row{Verb::promote, R"({"upstream": "x"})", "\"upstream\""},
          Row{Verb::fence, R"({"reason": "a", "reason": "b"})", "\"reason\": given twice"},
          Row{Verb::fence, R"({"reason": "a\u0000b"})", "control character"},
          Row{Verb::fence, "{\"reason\": \"\xff\"}", "not JSON"},
          Row{Verb::fence, Json{{"reason", std::string(1001, 'x')}}.dump(), "longer than 1000 bytes"},
          Row{Verb::fence, std::string(60000, '['), "not JSON"}}) {
        const auto request = parse_control(row.verb, row.body);
        CAPTURE(row.body.substr(0, 100));
        REQUIRE_FALSE(request);
        CHECK(request.error().kind == FaultKind::refused);
        CAPTURE(request.error().what);
        CHECK(request.error().what.find(row.named) != std::string::npos);
        CHECK_FALSE(request.error().hint.empty());
    }
}

TEST_CASE("what a client command sends is what the server reads") {
    ControlRequest request;
    request.verb = Verb::promote;
    request.reason = "because";
    request.force = true;
    const auto read = parse_control(Verb::promote, render_control(request));
    REQUIRE(read);
    CHECK(read->reason == "because");
    CHECK(read->force);
}

TEST_CASE("a journal reads back as it was written") {
    using namespace std::chrono;
    const WallTime at = sys_days{2026y / November / 21} + 1h + 32725ms;
    const std::vector<JournalEntry> entries{{41, at, "phase", "now running", {{"from", "starting"}}},
                                            {42, at + 1s, "command", "fenced", {}}};
    const std::string text = render_journal(entries, 42);
    const auto read = parse_journal(text);
    REQUIRE(read);
    CHECK(render_journal(*read, 42) == text);
    CHECK(Json::parse(text)["entries"][0]["at"] == "2026-11-21T01:00:32.725Z");
    CHECK_FALSE(parse_journal(R"({"entries": [{"id": 1, "at": "2026-13-01T00:00:00.000Z"}]})"));
    CHECK_FALSE(parse_journal(R"({"entries": 1})"));
}

TEST_CASE("a problem is told to people even when it is not a problem document") {
    const Problem ours = parse_problem(409, render_problem({409, "the instance is fenced", "unfence it first", {}}));
    CHECK(ours.detail == "the instance is fenced");
    CHECK(ours.hint == "unfence it first");
    CHECK(parse_problem(502, "Bad gateway\n<html>").detail == "Bad gateway");
    CHECK(parse_problem(503, "").detail == "Service Unavailable");
    CHECK(parse_problem(500, R"({"detail": 3})").detail == R"({"detail": 3})");
}

TEST_CASE("Patroni's document has Patroni's names") {
    InstanceStatus primary = full_status();
    primary.fenced.reset();
    primary.postgres.silent_since.reset();
    const WallTime now{std::chrono::seconds(10000)};

    const Json json = Json::parse(render_patroni(primary, "", now));
    CHECK(json["state"] == "running");
    CHECK(json["role"] == "primary");
    CHECK(json["server_version"] == 170011);
    CHECK(json["postmaster_start_time"] == "1970-01-01 01:44:48.000000+00:00");
    CHECK(json["timeline"] == 3);
    CHECK(json["xlog"]["location"] == 83886176);
    CHECK(json["replication"][0]["application_name"] == "pg-2");
    CHECK(json["replication"][0]["sync_state"] == "quorum");
    CHECK(json["pending_restart"] == true);
    CHECK(json["database_system_identifier"] == "7710436416726794584");
    CHECK(json["patroni"] == Json{{"version", "0.1.0"}, {"scope", "orders"}, {"name", "pg-1"}});
    CHECK_FALSE(json.contains("reason"));

    const Json standby = Json::parse(render_patroni(streaming_standby(), "role standby", now));
    CHECK(standby["role"] == "replica");
    CHECK(standby["replication_state"] == "streaming");
    CHECK(standby["xlog"]["paused"] == false);
    CHECK(standby["reason"] == "role standby");
}
