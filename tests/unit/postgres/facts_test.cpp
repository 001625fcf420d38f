#include "postgres/server_facts.hpp"

#include <algorithm>

#include "postgres/wal_directory.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::postgres;

namespace {

Rows standby_rows() {
    return {
        {"in_recovery",
         "version",
         "system_id",
         "timeline",
         "wal_segment_size",
         "checksums",
         "up_ms",
         "run",
         "free_connections",
         "current_lsn",
         "flushed_lsn",
         "received_lsn",
         "replayed_lsn",
         "upstream_lsn",
         "wal_read",
         "sender",
         "streaming",
         "replay_paused",
         "pending_restart",
         "standbys",
         "slots",
         "synchronous_names",
         "query_patience_ms"},
        {{"t",
          "170002",
          "-5",
          "3",
          "16777216",
          "t",
          "1500",
          "1700000000000001",
          "-3",
          std::nullopt,
          std::nullopt,
          "0/3000000",
          "0/2000000",
          "0/4000000",
          "t",
          "10.0.0.7:5432",
          "t",
          "f",
          R"(["max_connections"])",
          R"([{"name":"pg-3","state":"streaming","sync":"quorum","address":null,"lag":16,"flushed":"0/1F"},{"name":"x","lag":null}])",
          R"([{"name":"a","type":"logical","active":true,"wal_status":"reserved","kept":16},{"name":"b","type":"physical","active":false,"wal_status":null,"kept":null}])",
          "ANY 1 (x)",
          "30000"}}};
}

double sample(const MetricFamily& family, std::string_view value) {
    for (const auto& entry : family.samples)
        if (entry.labels.at(0).second == value) return entry.value;
    return -1;
}

}  // namespace

TEST_CASE("for how long queries may hold replay up is known, or that it is for ever") {
    CHECK(parse_server_facts(standby_rows())->query_patience == std::chrono::seconds(30));
    Rows for_ever = standby_rows();
    for_ever.rows.front().back() = "-1";
    CHECK_FALSE(parse_server_facts(for_ever)->query_patience);
}

TEST_CASE("a standby's lag is measured to the newest position it knows of") {
    const auto facts = parse_server_facts(standby_rows());

    REQUIRE(facts);
    CHECK(facts->recovery == Recovery::standby);
    CHECK(number(facts->system_id) == 18446744073709551611ULL);
    CHECK(facts->up == std::chrono::milliseconds(1500));
    CHECK(facts->free_connections == -3);
    CHECK(facts->lsn.lag_bytes == 0x2000000);
    CHECK(facts->lsn.streaming);
    CHECK(facts->lsn.sender == "10.0.0.7:5432");
    CHECK_FALSE(facts->lsn.current);
    CHECK(facts->pending_restart == std::vector<std::string>{"max_connections"});
    REQUIRE(facts->standbys.size() == 2);
    CHECK(facts->standbys[0].sync == "quorum");
    CHECK(facts->standbys[0].replay_lag_bytes == 16);
    CHECK(facts->standbys[0].flushed == Lsn{0x1F});
    CHECK_FALSE(facts->standbys[1].replay_lag_bytes);
    CHECK_FALSE(facts->standbys[1].flushed);
    REQUIRE(facts->slots.size() == 2);
    CHECK(facts->slots[0].active);
    CHECK(facts->slots[0].kept_bytes == 16);
    CHECK(facts->slots[0].wal_status == "reserved");
    CHECK_FALSE(facts->slots[1].kept_bytes);
    CHECK(facts->slots[1].wal_status.empty());
    CHECK(facts->synchronous_standby_names == "ANY 1 (x)");
}

TEST_CASE("cut off from whom it follows, a standby does not know how far it is behind") {
    Rows rows = standby_rows();
    const auto streaming = std::ranges::find(rows.columns, "streaming") - rows.columns.begin();
    rows.rows[0][static_cast<std::size_t>(streaming)] = "f";
    const auto facts = parse_server_facts(rows);

    REQUIRE(facts);
    CHECK_FALSE(facts->lsn.streaming);
    CHECK_FALSE(facts->lsn.lag_bytes);
    CHECK(facts->lsn.received == Lsn{0x3000000});
}

TEST_CASE("an answer that is not the facts is corrupt, and names the column") {
    for (std::size_t column = 0; column < standby_rows().columns.size(); ++column) {
        Rows rows = standby_rows();
        const std::string& name = rows.columns[column];
        if (name == "sender") continue;  // any text is one
        const bool is_truth = name == "in_recovery" || name == "checksums" || column >= 14;
        rows.rows[0][column] = name.ends_with("_lsn") ? Field("nonsense") : is_truth ? Field() : Field("x");
        CAPTURE(rows.columns[column]);
        const auto facts = parse_server_facts(rows);
        REQUIRE_FALSE(facts);
        CHECK(facts.error().kind == FaultKind::corrupt);
        CHECK(facts.error().what.find(rows.columns[column]) != std::string::npos);
    }
    CHECK_FALSE(parse_server_facts({}));
}

TEST_CASE("pg_wal is counted by names alone") {
    const auto facts = count_segments({"000000010000000000000002", "000000010000000000000001", "00000002.history",
                                       "000000010000000000000001.partial", "archive_status", "00000001000000000000000g",
                                       "000000020000000000000001"});

    CHECK(facts == WalDirectoryFacts{3, "000000010000000000000001", "000000020000000000000001"});
    CHECK(count_segments({}) == WalDirectoryFacts{});
    CHECK(count_archive_status({"a.ready", "b.done", "c.ready", "ready", "d.ready.tmp"}) == ArchiveStatusFacts{2, 1});
}

TEST_CASE("a segment is left out when it is full, of this timeline and not marked") {
    const std::vector<std::string> wal{
        "000000010000000000000009", "000000020000000000000006",         "000000020000000000000007",
        "000000020000000000000008", "000000020000000000000009",         "00000002000000000000000A",
        "00000002.history",         "000000020000000000000007.partial", "archive_status"};
    const std::vector<std::string> marks{"000000020000000000000006.done", "000000020000000000000008.ready",
                                         "000000020000000000000007.partial.done"};

    CHECK(unmarked_segments(wal, marks, "000000020000000000000009") ==
          std::vector<std::string>{"000000020000000000000007"});
    CHECK(unmarked_segments(wal, marks, "000000020000000000000007").empty());
    CHECK(unmarked_segments({}, {}, "000000020000000000000007").empty());
}

TEST_CASE("the WAL families have the samples that are known") {
    const auto family = pg_wal_family({.segments = 3}, 1U << 20, {.max_wal_size = 7},
                                      VolumeFacts{.total_bytes = 10U << 20, .available_bytes = 4U << 20});

    CHECK(family.name == "cnpg_collector_pg_wal");
    CHECK(sample(family, "count") == 3);
    CHECK(sample(family, "size") == 3U << 20);
    CHECK(sample(family, "max") == 7);
    CHECK(sample(family, "min") == -1);
    CHECK(sample(family, "volume_size") == 6);
    CHECK(sample(family, "volume_max") == 10);
    CHECK(fencing_on_family(Switch::on).samples.at(0).value == 1);
    CHECK(replica_mode_family(Switch::off).samples.at(0).value == 0);
}
