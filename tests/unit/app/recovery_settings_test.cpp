#include "app/recovery_rules.hpp"
#include "app/settings_reader.hpp"
#include "app/settings_text.hpp"
#include "backup/recovery_settings.hpp"
#include "containing.hpp"
#include "environment.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::app;
using pgbosun::app::test::containing;
using pgbosun::app::test::environment;

namespace {

// Lines below "recovery:", each indented by four.
ReadSettings recovering(const std::string& lines, const std::string& others = {}) {
    return read_settings("volume: /data\narchive: {destination: \"file:///a\", server_name: orders-2}\n" + others +
                             "bootstrap:\n  recovery:\n" + lines,
                         "pg.yaml", environment());
}

std::string said(const ReadSettings& read) {
    std::string all;
    for (const auto& finding : read.findings) all += to_text(finding) + "\n";
    return all;
}

constexpr auto source = "    source: {server_name: orders}\n";

}  // namespace

TEST_CASE("a moment to recover to has its time zone") {
    for (const auto* good :
         {"2026-01-30 10:00:00+00", "2026-01-30T10:00:00Z", "2026-01-30 10:00:00.123456-05:30", "2026-01-30 10:00+0200",
          "2026-01-30 10:00:00 UTC", "2026-01-30 10:00:00 +01", "2026-01-30T10:00:00z", "2026-01-30 10:00:00GMT"}) {
        CAPTURE(good);
        CHECK(moment_with_zone(good));
        RecoveryTarget target;
        target.time = good;
        CHECK(backup::recovery_parameters(target, "x", backup::AtTarget::promote));
    }
    for (const auto* bad : {"", "2026-01-30", "2026-01-30 10:00:00", "2026-02-30 10:00:00+00", "2026-01-30 24:00:00+00",
                            "2026-01-30 10:00:00.+00", "2026-01-30 10:00:00+0", "2026-01-30 10:00:00+16",
                            "2026-01-30 10:00:00 CET", "30.1.2026 10:00+00", "now"}) {
        CAPTURE(bad);
        CHECK_FALSE(moment_with_zone(bad));
    }
    CHECK_THAT(moment_with_zone("2026-01-30 10:00:00").error().text(), containing("has no time zone"));
}

TEST_CASE("the other targets are what PostgreSQL takes") {
    CHECK(wal_position("0/5000060"));
    CHECK_FALSE(wal_position("5000060"));
    CHECK(transaction_number("4711"));
    CHECK_FALSE(transaction_number("-1"));
    CHECK_FALSE(transaction_number("0x10"));
    CHECK(restore_point("before migration"));
    CHECK_FALSE(restore_point(std::string(64, 'a')));
    CHECK_FALSE(restore_point("a\nb"));
    CHECK(recovery_timeline("latest"));
    CHECK(recovery_timeline("3"));
    CHECK_FALSE(recovery_timeline("0"));
    CHECK_FALSE(recovery_timeline("newest"));
    CHECK(memory_size("32MB"));
    CHECK_FALSE(memory_size("32"));
    CHECK_FALSE(memory_size("MB"));
}

TEST_CASE("a source without destination lies beside the own archive") {
    const auto read = recovering(source);

    CHECK(said(read).empty());
    CHECK(read.settings.bootstrap.recovery->source->destination == "file:///a");
    CHECK(read.settings.bootstrap.recovery->source->server_name == "orders");
    CHECK(read.settings.archive->server_name == "orders-2");
}

TEST_CASE("a source takes the keys of an archive that say where it is") {
    const auto read = recovering(
        "    source:\n      destination: s3://b/p\n      server_name: orders\n      endpoint_url: "
        "http://minio:9000\n"
        "      credentials: {access_key_id_file: /id, secret_access_key_file: /key}\n");

    CHECK(said(read).empty());
    CHECK(read.settings.bootstrap.recovery->source->credentials.secret_access_key.file == "/key");
    CHECK_THAT(settings_text(read.settings), containing("endpoint_url: \"http://minio:9000\""));
    CHECK_THAT(said(recovering("    source: {retention: REDUNDANCY 3}\n")), containing("is not a key"));
}

TEST_CASE("all targets but one are findings, each at its line") {
    const auto text =
        said(recovering(std::string(source) +
                        "    target_time: \"2026-01-30 10:00:00\"\n    target_lsn: 0/50\n    target_xid: 7\n"
                        "    target_immediate: true\n"));

    CHECK_THAT(text, containing("pg.yaml:6: error: bootstrap.recovery.target_time"));
    CHECK_THAT(text,
               containing("pg.yaml:8: error: bootstrap.recovery.target_xid: there is a target already: target_lsn"));
    CHECK_THAT(text, containing("pg.yaml:9: error: bootstrap.recovery.target_immediate: there is a target already"));
}

TEST_CASE("a recovered cluster does not archive into what it was recovered from") {
    CHECK_THAT(said(recovering("    source: {server_name: orders-2}\n")),
               containing("pg.yaml:5: error: bootstrap.recovery.source.server_name: is that of the own archive"));
    CHECK(said(recovering("    source: {server_name: orders-2, destination: \"file:///b\"}\n")).empty());
    CHECK_THAT(said(recovering("    backup: latest\n")), containing("must say which archive to recover from"));
    CHECK_THAT(said(recovering("    source: {destination: \"file:///b\"}\n")),
               containing("source.server_name: must be given"));
}

TEST_CASE("exclusive needs a target with an edge, and recovery excludes join") {
    CHECK_THAT(said(recovering(std::string(source) + "    exclusive: true\n    target_name: a\n")),
               containing("bootstrap.recovery.exclusive: means nothing"));
    CHECK(said(recovering(std::string(source) + "    exclusive: true\n    target_xid: 7\n")).empty());
    CHECK_THAT(said(recovering(std::string(source) + "  join: {primary_conninfo: host=a}\n")),
               containing("there is bootstrap.join too"));
}

TEST_CASE("what is read of a recovery is shown as it was written") {
    const auto read = recovering(std::string(source) +
                                 "    target_time: \"2026-01-30 10:00:00+00\"\n    exclusive: true\n"
                                 "    target_timeline: current\n"
                                 "    tablespaces: {fast: /t/fast}\n");

    REQUIRE(said(read).empty());
    const auto again = read_settings(settings_text(read.settings), "again", environment());

    CHECK(said(again).empty());
    CHECK(settings_text(again.settings) == settings_text(read.settings));
    CHECK(again.settings.bootstrap.recovery->target.inclusive == Inclusive::no);
    CHECK(again.settings.bootstrap.recovery->tablespaces.at("fast") == "/t/fast");
}
