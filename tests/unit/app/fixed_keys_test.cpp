#include "app/fixed_keys.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using app::keep_fixed;

TEST_CASE("what changes only at a start keeps its value and is named; everything else is taken") {
    Settings now;
    now.volume = "/v";
    now.run_dir = "/r";
    now.postgresql.bin_dir = "/found/bin";
    now.run_as = "postgres";
    now.archive.emplace();

    SECTION("nothing of it is changed") {
        Settings fresh = now;
        fresh.postgresql.bin_dir.clear();
        fresh.run_as.reset();
        fresh.log.level = "debug";
        fresh.archive->retention = "REDUNDANCY 3";

        CHECK(keep_fixed(fresh, now).empty());
        CHECK(fresh.postgresql.bin_dir == "/found/bin");
        CHECK(fresh.run_as == "postgres");
        CHECK(fresh.log.level == "debug");
        CHECK(fresh.archive->retention == "REDUNDANCY 3");
    }
    SECTION("some of it is") {
        Settings fresh = now;
        fresh.volume = "/other";
        fresh.log.format = LogFormat::text;
        fresh.postgresql.port = now.postgresql.port + 1;
        fresh.metrics.queries_files = {"/mine.yaml"};
        fresh.postgresql.bin_dir = "/other/bin";
        fresh.archive.reset();

        CHECK(keep_fixed(fresh, now) == "volume, log.format, postgresql.port, postgresql.bin_dir, archive");
        CHECK(fresh.volume == "/v");
        CHECK(fresh.log.format == LogFormat::json);
        CHECK(fresh.postgresql.port == now.postgresql.port);
        CHECK(fresh.metrics.queries_files.size() == 1);
        CHECK(fresh.postgresql.bin_dir == "/found/bin");
        CHECK(fresh.archive.has_value());
    }
}
