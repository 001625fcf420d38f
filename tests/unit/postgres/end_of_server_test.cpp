#include "postgres/end_of_server.hpp"

#include "support/catch.hpp"

using namespace pgbosun::postgres;

namespace {

std::string record(std::string_view severity, std::string_view process, std::string_view message) {
    return R"({"timestamp":"T","pid":7,"error_severity":")" + std::string(severity) + R"(","message":")" +
           std::string(message) + R"(","backend_type":")" + std::string(process) + "\"}\n";
}

}  // namespace

TEST_CASE("why the server ended is quoted as a person reads it, without JSON's escapes") {
    CHECK(end_of_server(record("PANIC", "checkpointer", R"(could not write to file \"pg_logical/x\": \u00e9 C:\\a)")) ==
          "could not write to file \"pg_logical/x\": \xc3\xa9 C:\\a");
    CHECK(end_of_server(record("FATAL", "postmaster", R"(a\",\"b\nc)")) == "a\",\"b c");
    CHECK(end_of_server("2026-11-21 01:41:32 UTC [7] FATAL:  lock file \"postmaster.pid\" exists\n") ==
          "lock file \"postmaster.pid\" exists");
    CHECK(end_of_server("PANIC:  caf\xe9") == "caf\\xe9");
}

TEST_CASE("a FATAL of a session, and the word in another message, say nothing about the server") {
    for (const auto& line :
         {record("FATAL", "client backend", "password authentication failed"), record("LOG", "startup", "FATAL:  x"),
          record("ERROR", "postmaster", "PANIC"), std::string(R"({"error_severity":"FATAL","message":"x"})"),
          std::string(R"({"error_severity":"PANIC","message":"cut off)"), std::string("fatal: x"), std::string()}) {
        CAPTURE(line);
        CHECK_FALSE(end_of_server(line));
    }
}

TEST_CASE("a long message is cut between characters") {
    const std::string almost(longest_fatal_message - 1, 'x');

    CHECK(end_of_server(record("FATAL", "startup", almost + "\\u00e9\\u00e9")) == almost);
    CHECK(end_of_server("FATAL:  " + almost + "yz") == almost + "y");
}
