#include "archive/link_wire.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::archive;

namespace {

std::string_view without_end(const std::string& line) {
    REQUIRE(line.ends_with('\n'));
    REQUIRE(line.find('\n') == line.size() - 1);
    return std::string_view(line).substr(0, line.size() - 1);
}

}  // namespace

TEST_CASE("an order arrives as it was sent") {
    const ArchiveOrder orders[] = {
        {},
        {true, "", false, true, "/data/pgdata", SystemId{~0ULL}, 1U << 30},
        {false, "fenced:\n\"why\" \xC3\xA4", true, false, "/d", std::nullopt, 16 << 20},
        {true, "", false, false, "/d", SystemId{1}, 16 << 20, FlushedWal{{0x123456789ABULL}, Timeline{3}, ~0ULL}},
    };
    for (const auto& order : orders) CHECK(parse_order(without_end(render(order))).value() == order);
}

TEST_CASE("a report arrives as it was sent") {
    const ArchiveReport reports[] = {
        {},
        {"s3://b/p", "000000010000000000000003", "2026-11-21T01:41:32.725Z", 7, "2026-11-21T01:00:00.000Z", "503", 1, 2,
         3, 4, ~0ULL},
        {.target = "file:///a", .awaited = "000000010000000000000003"},
        {.target = "file:///a",
         .stream = {Lsn{0x5000028}, "2026-11-21T01:41:32.725Z", "2026-11-21T01:00:00.000Z", "503"}},
    };
    for (const auto& report : reports) CHECK(parse_report(without_end(render(report))).value() == report);
}

TEST_CASE("text that is too long or no UTF-8 does not break the line") {
    const ArchiveOrder order{.reason = std::string(1 << 20, 'x') + "\xFF", .data_directory = "\xFF\xFE"};

    const auto read = parse_order(without_end(render(order)));

    REQUIRE(read);
    CHECK(render(order).size() < longest_line);
}

TEST_CASE("a line that is not exactly an order is refused") {
    const std::string good =
        R"({"may_archive":true,"reason":"","promoting":false,"stopping":false,"data_directory":"/d","system_id":"1","wal_segment_size":1048576,"wal":null)";
    REQUIRE(parse_order(good + "}"));
    const std::string table[] = {
        "",
        "{}",
        "[]",
        "null",
        good,
        good + "}}",
        good + R"(,"more":1})",
        R"({"may_archive":1,"reason":"","promoting":false,"stopping":false,"data_directory":"/d","system_id":"1","wal_segment_size":1,"wal":null})",
        R"({"may_archive":true,"reason":"","promoting":1,"stopping":false,"data_directory":"/d","system_id":"1","wal_segment_size":1,"wal":null})",
        R"({"may_archive":true,"reason":null,"promoting":false,"stopping":false,"data_directory":"/d","system_id":"1","wal_segment_size":1,"wal":null})",
        R"({"may_archive":true,"reason":"","promoting":false,"stopping":false,"data_directory":"/d","system_id":1,"wal_segment_size":1,"wal":null})",
        R"({"may_archive":true,"reason":"","promoting":false,"stopping":false,"data_directory":"/d","system_id":"1x","wal_segment_size":1,"wal":null})",
        R"({"may_archive":true,"reason":"","promoting":false,"stopping":false,"data_directory":"/d","system_id":"18446744073709551616","wal_segment_size":1,"wal":null})",
        R"({"may_archive":true,"reason":"","promoting":false,"stopping":false,"data_directory":"/d","system_id":"1","wal_segment_size":-1,"wal":null})",
        R"({"may_archive":true,"reason":"","promoting":false,"stopping":false,"data_directory":"/d","system_id":"1","wal_segment_size":4294967296,"wal":null})",
        R"({"may_archive":true,"reason":"","promoting":false,"stopping":false,"data_directory":"/d","system_id":"1","wal_segment_size":1.5,"wal":null})",
        R"({"may_archive":true,"reason":"","promoting":false,"stopping":false,"data_directory":"/d","system_id":"1","wal_segment_size":1})",
        R"({"may_archive":true,"reason":"","promoting":false,"stopping":false,"data_directory":"/d","system_id":"1","wal_segment_size":1,"wal":{}})",
        R"({"may_archive":true,"reason":"","promoting":false,"stopping":false,"data_directory":"/d","system_id":"1","wal_segment_size":1,"wal":{"position":"0/x","timeline":1,"server_run":1}})",
        R"({"may_archive":true,"reason":"","promoting":false,"stopping":false,"data_directory":"/d","system_id":"1","wal_segment_size":1,"wal":{"position":"0/1","timeline":1,"server_run":1,"more":1}})",
        std::string(longest_line + 1, ' '),
    };
    for (const auto& line : table) {
        CAPTURE(line.substr(0, 200));
        const auto order = parse_order(line);
        REQUIRE_FALSE(order);
        CHECK(order.error().kind == FaultKind::refused);
    }
}

TEST_CASE("what a job says arrives as it was said") {
    const JobLine lines[] = {
        JobProgress{},
        JobProgress{"20261121T010000", "waiting for WAL 000000010000000000000003; \"last\" \xC3\xA4", 1, ~0ULL},
        JobResult{},
        JobResult{true, "20261121T010000", "2.0 GB in 3.4 s", "", 2'000'000'000, 300'000'000, 3.4375, 0.5},
        JobResult{false, "", "the archive does not answer", "check the network", 0, 0, 0, 0},
        JobResult{false, "", "another drill runs", "wait for its end", 0, 0, 0, 0, true},
    };
    for (const auto& line : lines) CHECK(parse_job_line(without_end(render(line))).value() == line);
}

TEST_CASE("a line that is not exactly a job's is refused") {
    const std::string progress = R"({"id":"","step":"copying","bytes_done":1,"bytes_total":2)";
    const std::string result =
        R"({"done":true,"id":"","detail":"","hint":"","bytes":1,"stored":1,"seconds":1,"recovery_seconds":0.5)";
    REQUIRE(parse_job_line(progress + "}"));
    REQUIRE(parse_job_line(result + "}"));
    const std::string table[] = {
        "",
        "{}",
        "[]",
        "[\"step\"]",
        progress,
        progress + R"(,"done":true})",
        R"({"id":"","step":null,"bytes_done":1,"bytes_total":2})",
        R"({"id":"","step":"copying","bytes_done":-1,"bytes_total":2})",
        R"({"id":"","step":"copying","bytes_done":1.5,"bytes_total":2})",
        R"({"id":"","step":"copying","bytes_done":1})",
        result + R"(,"more":1})",
        R"({"done":true,"id":"","detail":"","hint":"","bytes":1,"stored":1,"seconds":-1,"recovery_seconds":0})",
        R"({"done":true,"id":"","detail":"","hint":"","bytes":1,"stored":1,"seconds":"1","recovery_seconds":0})",
        R"({"done":1,"id":"","detail":"","hint":"","bytes":1,"stored":1,"seconds":1,"recovery_seconds":0})",
        std::string(longest_line + 1, ' '),
    };
    for (const auto& line : table) {
        CAPTURE(line.substr(0, 200));
        const auto read = parse_job_line(line);
        REQUIRE_FALSE(read);
        CHECK(read.error().kind == FaultKind::refused);
    }
}
