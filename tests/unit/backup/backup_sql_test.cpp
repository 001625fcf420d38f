#include "backup/backup_sql.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;

namespace {

Rows one_row(std::vector<Field> fields) { return {{}, {std::move(fields)}}; }

const std::vector<Field> server_row = {"170011",
                                       "7710436416726794584",
                                       "f",
                                       "t",
                                       "t",
                                       "t",
                                       "16777216",
                                       "8192",
                                       "131072",
                                       "/v/pgdata",
                                       "/v/pgdata/postgresql.conf",
                                       "/v/pgdata/pg_hba.conf",
                                       "/v/pgdata/pg_ident.conf",
                                       "PG_17_202406281",
                                       std::nullopt,
                                       "41",
                                       "3"};

}  // namespace

TEST_CASE("what a server says of itself is read") {
    const auto server = parse_server(one_row(server_row));
    REQUIRE(server);
    CHECK(server->version == 170011);
    CHECK(server->system_id == SystemId{7710436416726794584ULL});
    CHECK_FALSE(server->standby);
    CHECK(server->archiving);
    CHECK(server->checksums);
    CHECK(server->summarizing);
    CHECK(server->segment_size.bytes() == 16777216);
    CHECK(server->block_size == 8192);
    CHECK(server->pages_per_segment == 131072);
    CHECK(server->data_directory == "/v/pgdata");
    CHECK(server->version_directory == "PG_17_202406281");
    CHECK(server->primary.empty());
    CHECK(server->backend == "41");
    CHECK(server->timeline == Timeline{3});
}

TEST_CASE("an answer that is not exactly what was asked for is not understood") {
    for (std::size_t column = 0; column < server_row.size(); ++column) {
        if (column == 14) continue;  // may be absent
        auto row = server_row;
        row[column] = std::nullopt;
        CAPTURE(column);
        const auto server = parse_server(one_row(row));
        REQUIRE_FALSE(server);
        CHECK(server.error().kind == FaultKind::corrupt);
    }
    auto longer = server_row;
    longer.emplace_back("more");
    CHECK_FALSE(parse_server(one_row(longer)));
    auto shorter = server_row;
    shorter.pop_back();
    CHECK_FALSE(parse_server(one_row(shorter)));
    CHECK_FALSE(parse_server({}));
    CHECK_FALSE(parse_server({{}, {server_row, server_row}}));
}

TEST_CASE("tablespaces within the data directory are no tablespaces of a backup") {
    const Rows rows{{}, {{"one", "16400", "/disk/one"}, {"in place", "16401", "pg_tblspc/16401"}}};
    const auto tablespaces = parse_tablespaces(rows);
    REQUIRE(tablespaces);
    CHECK(*tablespaces == std::vector{Tablespace{"one", 16400, "/disk/one"}});
    CHECK_FALSE(parse_tablespaces({{}, {{"one", "x", "/disk/one"}}}));
    CHECK_FALSE(parse_tablespaces({{}, {{"one", "16400"}}}));
}

TEST_CASE("the positions and times of a backup are read") {
    const auto start = parse_start(one_row({"16/B374D848", "1763719292725612"}));
    REQUIRE(start);
    CHECK(start->lsn == Lsn{0x16'B374'D848});
    CHECK(to_iso8601(start->time) == "2025-11-21T10:01:32.725Z");
    const auto stop = parse_stop(one_row({"0/3000100", "1763719292725612", "START WAL LOCATION: ...", "3"}));
    REQUIRE(stop);
    CHECK(stop->timeline == Timeline{3});
    CHECK(stop->label == "START WAL LOCATION: ...");
    CHECK_FALSE(parse_start(one_row({"16", "1763719292725612"})));
    CHECK_FALSE(parse_stop(one_row({"0/3000100", "soon", "", "3"})));
    CHECK_FALSE(parse_stop({}));
}
