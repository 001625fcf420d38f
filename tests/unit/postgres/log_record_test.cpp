#include "postgres/log_record.hpp"

#include <nlohmann/json.hpp>

#include "postgres/jsonlog.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::postgres;
using Json = nlohmann::json;

namespace {

constexpr WallTime noon{std::chrono::microseconds(1'700'000'000'123'000)};

Json as_json(std::string_view line) { return Json::parse(log_line(line, LogFormat::json, noon)); }

}  // namespace

TEST_CASE("a record of jsonlog gets CloudNativePG's field names") {
    const Json line = as_json(
        R"({"timestamp":"2026-11-21 01:41:32.725 UTC","user":"app","dbname":"orders","pid":123,"remote_host":"10.0.0.7",)"
        R"("remote_port":4711,"session_id":"65.1","line_num":3,"ps":"INSERT","error_severity":"ERROR",)"
        R"("state_code":"23505","message":"duplicate key","detail":"Key a=1","statement":"insert into t",)"
        R"("cursor_position":7,"func_name":"f","file_name":"f.c","file_line_num":9,"backend_type":"client backend",)"
        R"("query_id":-5,"from_the_future":true})");

    CHECK(line["level"] == "error");
    CHECK(line["ts"] == "2023-11-14T22:13:20.123Z");
    CHECK(line["logger"] == "postgres");
    CHECK(line["msg"] == "record");
    const Json& record = line["record"];
    CHECK(record["log_time"] == "2026-11-21 01:41:32.725 UTC");
    CHECK(record["user_name"] == "app");
    CHECK(record["database_name"] == "orders");
    CHECK(record["process_id"] == "123");
    CHECK(record["connection_from"] == "10.0.0.7:4711");
    CHECK(record["session_line_num"] == "3");
    CHECK(record["command_tag"] == "INSERT");
    CHECK(record["sql_state_code"] == "23505");
    CHECK(record["query"] == "insert into t");
    CHECK(record["query_pos"] == "7");
    CHECK(record["location"] == "f, f.c:9");
    CHECK(record["query_id"] == "-5");
    CHECK(record["from_the_future"] == "true");
}

TEST_CASE("severities become levels") {
    for (const auto& [severity, level] : {std::pair{"LOG", "info"},
                                          {"INFO", "info"},
                                          {"NOTICE", "info"},
                                          {"WARNING", "warning"},
                                          {"ERROR", "error"},
                                          {"FATAL", "error"},
                                          {"PANIC", "error"},
                                          {"DEBUG5", "debug"},
                                          {"DEBUG1", "debug"}})
        CHECK(as_json(std::string(R"({"error_severity":")") + severity + R"(","message":"m"})")["level"] == level);
}

TEST_CASE("an audit line of pgaudit is taken apart") {
    const Json line = as_json(
        R"({"error_severity":"LOG","message":"AUDIT: SESSION,1,2,READ,SELECT,TABLE,public.t,\"select \"\"a\"\", b\",<none>"})");

    CHECK(line["logger"] == "pgaudit");
    const Json& audit = line["record"]["audit"];
    CHECK(audit["audit_type"] == "SESSION");
    CHECK(audit["object_name"] == "public.t");
    CHECK(audit["statement"] == "select \"a\", b");
    CHECK(audit["parameter"] == "<none>");
    CHECK(line["record"]["message"].get<std::string>().starts_with("AUDIT: "));
}

TEST_CASE("what looks like an audit line and is none stays a record") {
    for (const char* message :
         {"AUDIT: ", "AUDIT: a,b", "audit: SESSION,1,1,READ,SELECT,TABLE,t,s,p",
          R"(AUDIT: SESSION,1,1,READ,SELECT,TABLE,t,\"open,p)", "AUDIT: 1,2,3,4,5,6,7,8,9,10,11"}) {
        CAPTURE(message);
        const Json line = as_json(std::string(R"({"error_severity":"LOG","message":")") + message + "\"}");
        CHECK(line["logger"] == "postgres");
        CHECK_FALSE(line["record"].contains("audit"));
    }
}

TEST_CASE("a line that is no record is passed on whole") {
    for (const char* text : {"", "plain words", "{\"error_severity\":", "{}", "[1]", "{\"message\":\"no severity\"}",
                             "2026-11-21 FATAL:  could not \t open", "{\"error_severity\":{\"deep\":1}}"}) {
        CAPTURE(text);
        const Json line = as_json(text);
        CHECK(line["msg"] == text);
        CHECK(line["logger"] == "postgres");
    }
    const std::string deep = std::string(100'000, '{');
    CHECK(as_json(deep)["msg"] == deep);
    const std::string longer = "{" + std::string(longest_log_line, 'x');
    CHECK(as_json(longer)["msg"] == longer);
}

TEST_CASE("bytes that are not UTF-8 are shown, not lost") {
    CHECK(as_json("caf\xe9 \xc3\xa9 \xed\xa0\x80")["msg"] == "caf\\xe9 \xc3\xa9 \\xed\\xa0\\x80");
    CHECK(as_json("{\"error_severity\":\"LOG\",\"message\":\"caf\xe9\"}")["record"]["message"] == "caf\\xe9");
}

TEST_CASE("the text form is for people") {
    const auto text = [](std::string_view line) { return log_line(line, LogFormat::text, noon); };

    CHECK(
        text(
            R"({"timestamp":"T","pid":7,"user":"app","dbname":"o","error_severity":"ERROR","message":"a\nb","hint":"h"})") ==
        "T [7] app@o ERROR: a\n\tb\n\thint: h");
    CHECK(text(R"({"timestamp":"T","pid":7,"error_severity":"LOG","message":"m"})") == "T [7] LOG: m");
    CHECK(text("plain\n") == "plain");
}
