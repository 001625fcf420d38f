#include "postgres/initdb_options.hpp"

#include "support/catch.hpp"

using namespace pgbosun::postgres;

using Options = std::vector<std::string>;

TEST_CASE("what pgbosun gives to initdb itself is refused in each way to write it") {
    const auto [options, hint] = GENERATE(table<Options, std::string>({
        {{"-D", "/x"}, "use volume"},
        {{"-D/x"}, "use volume"},
        {{"--pgdata=/x"}, "use volume"},
        {{"--pgdata", "/x"}, "use volume"},
        {{"--pgd=/x"}, "use volume"},
        {{"/x"}, "use volume"},
        {{"--", "/x"}, "use volume"},
        {{"--no-sync", "/x"}, "use volume"},
        {{"-nD/x"}, "use volume"},
        {{"-nk"}, "use bootstrap.initdb.data_checksums"},
        {{"-X", "/wal"}, "use postgresql.wal_dir"},
        {{"--waldir=/wal"}, "use postgresql.wal_dir"},
        {{"-U", "admin"}, "leave it out: the superuser is postgres"},
        {{"--auth=trust"}, "use postgresql.pg_hba"},
        {{"--pwfile=/p"}, "use bootstrap.initdb.superuser_password_file"},
        {{"-E", "UTF8"}, "use bootstrap.initdb.encoding"},
        {{"--lc-co=C"}, "use bootstrap.initdb.locale_collate"},
        {{"--wal-segsize=64"}, "use bootstrap.initdb.wal_segment_size"},
        {{"--no-data-checksums"}, "use bootstrap.initdb.data_checksums"},
        {{"--sync-only"}, "leave it out: pgbosun runs initdb to make a new data directory"},
        {{"-c", "archive_command=true"}, "configure the section `archive`"},
        {{"--set=Archive-Command=true"}, "configure the section `archive`"},
        {{"--set", "port=1"}, "use postgresql.port"},
    }));
    CAPTURE(options);
    const auto finding = check_initdb_options(options);
    REQUIRE(finding);
    CHECK(finding->hint == hint);
}

TEST_CASE("what is initdb's own matter is left to it") {
    const auto options =
        GENERATE(Options{}, Options{"--no-instructions"}, Options{"--no-sync"}, Options{"-N", "-g"}, Options{"-Ng"},
                 Options{"--lc-messages=C", "--lc-time", "de_DE.UTF-8"}, Options{"-T", "german"}, Options{"-Tgerman"},
                 Options{"-c", "shared_buffers=64MB"}, Options{"--set=shared-buffers=64MB"},
                 Options{"-L", "/usr/share/pg"}, Options{"--unheard-of"}, Options{"-z"});
    CAPTURE(options);
    CHECK_FALSE(check_initdb_options(options));
}

TEST_CASE("a locale that initdb of this version does not know is refused before it is run") {
    pgbosun::InitdbSettings initdb;
    CHECK_FALSE(check_initdb_version(initdb, 15));
    initdb.locale_provider = "icu";
    CHECK_FALSE(check_initdb_version(initdb, 15));
    initdb.icu_rules = "&a < g";
    CHECK(check_initdb_version(initdb, 15));
    CHECK_FALSE(check_initdb_version(initdb, 16));
    initdb = {};
    initdb.locale_provider = "builtin";
    CHECK(check_initdb_version(initdb, 16));
    CHECK_FALSE(check_initdb_version(initdb, 17));
}

TEST_CASE("encodings are known by all their names, those of clients alone are not") {
    for (const auto* name : {"UTF8", "utf-8", "Unicode", "SQL_ASCII", "LATIN1", "iso-8859-15", "EUC_JP", "WIN1252"})
        CHECK(is_server_encoding(name));
    for (const auto* name : {"UTFX", "UTF16", "", "SJIS", "GBK", "BIG5", "latin11"})
        CHECK_FALSE(is_server_encoding(name));
}
