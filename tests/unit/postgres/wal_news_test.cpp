#include "postgres/wal_news.hpp"

#include <string>

#include "support/catch.hpp"

using namespace pgbosun::postgres;

namespace {

std::string record(std::string_view process, std::string_view message, std::string_view more = "") {
    return R"({"timestamp":"T","pid":7,"error_severity":"FATAL","message":")" + std::string(message) + "\"" +
           std::string(more) + R"(,"backend_type":")" + std::string(process) + "\"}\n";
}

const std::string removed =
    "could not receive data from WAL stream: ERROR:  requested WAL segment 000000010000000000000003 has already been "
    "removed";
const std::string waits = "waiting for WAL to become available at 0/3000018";

}  // namespace

TEST_CASE("a WAL receiver tells that WAL is gone, a startup process that it waits for some") {
    CHECK(wal_news(record("walreceiver", removed)) == WalNews::gone);
    CHECK(wal_news(record("walreceiver", "highest timeline 1 of the primary is behind recovery timeline 2")) ==
          WalNews::gone);
    CHECK(wal_news(
              record("walreceiver",
                     "could not start WAL streaming: ERROR:  requested starting point 0/3000000 on timeline 1 is not "
                     "in this server's history\\nDETAIL:  it forked at 0/2000000.")) == WalNews::gone);
    CHECK(wal_news(record("startup", waits)) == WalNews::awaited);
}

TEST_CASE("the same words of a client, of a walsender here, or in a statement say nothing") {
    CHECK(wal_news(record("client backend", removed)) == WalNews::none);
    CHECK(wal_news(record("client backend", waits)) == WalNews::none);
    CHECK(wal_news(record("walsender", "requested WAL segment 000000010000000000000003 has already been removed")) ==
          WalNews::none);
    CHECK(wal_news(record("walreceiver", "x", R"(,"statement":"it has already been removed")")) == WalNews::none);
    CHECK(wal_news(record("startup", "x: " + waits)) == WalNews::none);
    CHECK(wal_news(removed) == WalNews::none);
    CHECK(wal_news(R"({"message":")" + removed) == WalNews::none);
    CHECK(wal_news(record("walreceiver", "started streaming WAL from primary")) == WalNews::none);
}
