#include "backup/layout.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;
using archive::Encoding;

TEST_CASE("a backup's objects lie where Barman looks, and incremental ones beside") {
    const auto id = *BackupId::parse("20261121T010203");
    CHECK(base_prefix("orders") == "orders/base/");
    CHECK(backup_prefix("orders", id) == "orders/base/20261121T010203/");
    CHECK(backup_info_key("orders", id) == "orders/base/20261121T010203/backup.info");
    CHECK(keep_key("orders", id) == "orders/base/20261121T010203/annotations/keep");
    CHECK(manifest_key("orders", id) == "orders/base/20261121T010203/backup_manifest.zst");
    CHECK(base_prefix("orders", Kind::incremental) == "orders/incremental/");
    CHECK(backup_info_key("orders", id, Kind::incremental) == "orders/incremental/20261121T010203/backup.info");
}

TEST_CASE("names of tars are read and written alike") {
    const auto [text, name] = GENERATE(table<const char*, TarName>({
        {"data.tar", {}},
        {"data.tar.zst", {.encoding = Encoding::zstd}},
        {"data_0001.tar.gz", {.part = 1, .encoding = Encoding::gzip}},
        {"data_9999.tar.bz2", {.part = 9999, .encoding = Encoding::bzip2}},
        {"data_10000.tar.snappy", {.part = 10000, .encoding = Encoding::snappy}},
        {"16384.tar", {.tablespace = 16384}},
        {"16384_0002.tar.lz4", {.tablespace = 16384, .part = 2, .encoding = Encoding::lz4}},
        {"4294967295.tar.xz", {.tablespace = 4294967295, .encoding = Encoding::xz}},
    }));
    CAPTURE(text);
    CHECK(to_string(name) == text);
    REQUIRE(parse_tar_name(text));
    CHECK(*parse_tar_name(text) == name);
}

TEST_CASE("other objects beside a backup are no tars") {
    for (const auto* text : {"",
                             ".tar",
                             "data",
                             "data.tar.",
                             "data.tar.rar",
                             "data.tar.gz.gz",
                             "data_.tar",
                             "data_0000.tar",
                             "data_1.tar",
                             "data_00001.tar",
                             "data_-001.tar",
                             "data_0001_0002.tar",
                             "Data.tar",
                             "0.tar",
                             "016384.tar",
                             "+16384.tar",
                             "4294967296.tar",
                             "16384",
                             "x.tar",
                             "backup.info",
                             "backup_manifest.zst",
                             "annotations/keep",
                             "data.tar/x"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_tar_name(text));
    }
}
