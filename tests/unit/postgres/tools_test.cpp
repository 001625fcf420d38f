#include "postgres/tools.hpp"

#include <algorithm>
#include <csignal>

#include "postgres/bootstrap_sql.hpp"
#include "postgres/conninfo.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::postgres;

namespace {

Settings settings() {
    Settings result;
    result.volume = "/data";
    result.run_dir = "/run/pgbosun";
    result.postgresql.bin_dir = "/pg/bin";
    return result;
}

bool has(const std::vector<std::string>& list, const std::string& item) {
    return std::find(list.begin(), list.end(), item) != list.end();
}

}  // namespace

TEST_CASE("postgres is told its data directory, waits for no disk before it is started, and dies with us") {
    const Command command = postgres_command(settings(), {.stale_pid = 41, .own_oom_score = 900});

    CHECK(command.program == "/pg/bin/postgres");
    CHECK(command.arguments == std::vector<std::string>{"-D", "/data/pgdata"});
    CHECK(command.working_directory == "/");
    CHECK(command.death_signal == SIGKILL);
    CHECK(has(command.environment, "PG_GRANDPARENT_PID=41"));
    CHECK(has(command.environment, "PG_OOM_ADJUST_VALUE=1000"));
    CHECK(has(command.environment, "PGBOSUN_ARCHIVE_SOCKET=/run/pgbosun/archive.sock"));
    CHECK(has(postgres_command(settings(), {.reach = Reach::local_only}).arguments, "listen_addresses="));
}

TEST_CASE("initdb gets every option, and checksums as its version spells them") {
    Settings given = settings();
    given.bootstrap.initdb.wal_segment_size = 64;
    given.bootstrap.initdb.icu_locale = "de";
    given.bootstrap.initdb.superuser_password_file = "/secret/super";
    given.bootstrap.initdb.options = {"--no-sync"};
    given.postgresql.wal_dir = "/wal";
    const Command with = initdb_command(given, {.server_major = 18});
    given.bootstrap.initdb.data_checksums = false;

    for (const char* argument : {"--pgdata=/data/pgdata", "--username=postgres", "--no-instructions",
                                 "--wal-segsize=64", "--encoding=UTF8", "--locale=C", "--icu-locale=de",
                                 "--pwfile=/secret/super", "--waldir=/wal/pg_wal", "--data-checksums", "--no-sync"}) {
        CAPTURE(argument);
        CHECK(has(with.arguments, argument));
    }
    CHECK(has(initdb_command(given, {.server_major = 18}).arguments, "--no-data-checksums"));
    CHECK_FALSE(has(initdb_command(given, {.server_major = 17}).arguments, "--no-data-checksums"));
    CHECK_FALSE(has(initdb_command(given, {.server_major = 17}).arguments, "--data-checksums"));
}

TEST_CASE("a uid without a passwd entry gets one for initdb alone") {
    const AccountFiles files = account_files(1000660000, 0);
    const Command command =
        initdb_command(settings(), {.nss_wrapper = NssWrapper{.passwd_path = "/run/p", .group_path = "/run/g"}});

    CHECK(files.passwd == "postgres:x:1000660000:0:PostgreSQL:/:/sbin/nologin\n");
    CHECK(files.group == "postgres:x:0:\n");
    CHECK(has(command.environment, "LD_PRELOAD=libnss_wrapper.so"));
    CHECK(has(command.environment, "NSS_WRAPPER_PASSWD=/run/p"));
    CHECK_FALSE(has(postgres_command(settings(), {}).environment, "LD_PRELOAD=libnss_wrapper.so"));
}

TEST_CASE("pg_basebackup is given a password file, never a password") {
    const Command command =
        base_backup_command(settings(), {.conninfo = "host='pg-0'", .passfile = "/run/pass", .max_rate = "10M"});

    for (const char* argument : {"--dbname=host='pg-0'", "--wal-method=stream", "--checkpoint=fast", "--progress",
                                 "--no-password", "--max-rate=10M"})
        CHECK(has(command.arguments, argument));
    CHECK(has(command.environment, "PGPASSFILE=/run/pass"));
}

TEST_CASE("the progress of pg_basebackup is read, other lines are not") {
    CHECK(parse_base_backup_progress("123456/234567 kB (52%), 0/1 tablespace") ==
          BaseBackupProgress{123456ULL * 1024, 234567ULL * 1024});
    CHECK(parse_base_backup_progress("\r      0/234567 kB (0%), 0/1 tablespace (/data/pgdata/backup_label )"));
    for (const char* line : {"", "pg_basebackup: initiating base backup", "12/", "12/34", "/34 kB (", "12/34 MB (1%)",
                             "-1/34 kB (0%)", "99999999999999999999/1 kB (0%)"}) {
        CAPTURE(line);
        CHECK_FALSE(parse_base_backup_progress(line));
    }
}

TEST_CASE("a connection string holds no password, and its defaults give way") {
    const auto given = parse_conninfo("host=pg-0 user='my user' connect_timeout=9");
    REQUIRE(given);
    const std::string text =
        render_conninfo(with_upstream_defaults(*given, {.application_name = "pg-1", .passfile = "/run/it's"}));

    CHECK(text.find("user='my user'") != std::string::npos);
    CHECK(text.find("connect_timeout='9'") != std::string::npos);
    CHECK(text.find("application_name='pg-1'") != std::string::npos);
    CHECK(text.find(R"(passfile='/run/it\'s')") != std::string::npos);
    const auto again = parse_conninfo(text);
    REQUIRE(again);
    CHECK(again->at("passfile") == "/run/it's");
    CHECK(parse_conninfo("postgresql://repl@pg-0:5433/app")->at("port") == "5433");
}

TEST_CASE("a refused connection string is not repeated with its password") {
    for (const char* text : {"host=a password=hunter2", "postgresql://u:hunter2@h/db", "host=a sslpassword=hunter2",
                             "hunter2", "host=a pasword=hunter2", "host=a\npassword=hunter2"}) {
        CAPTURE(text);
        const auto conninfo = parse_conninfo(text);
        REQUIRE_FALSE(conninfo);
        CHECK(conninfo.error().kind == FaultKind::refused);
        CHECK(conninfo.error().text().find("hunter2") == std::string::npos);
    }
}

TEST_CASE("a connection string with several hosts is taken apart as libpq does it") {
    const auto apart = [](const char* text) {
        std::string all;
        const auto each = each_host(parse_conninfo(text).value());
        if (!each) return "refused: " + each.error().what;
        for (const auto& one : *each) all += render_conninfo(one) + "; ";
        return all;
    };
    CHECK(apart("host=a") == "host='a'; ");
    CHECK(apart("user=x") == "user='x'; ");
    CHECK(apart("host=a,b port=1,2 target_session_attrs=read-write") ==
          "host='a' port='1' target_session_attrs='read-write'; "
          "host='b' port='2' target_session_attrs='read-write'; ");
    CHECK(apart("host=a,b port=1") == "host='a' port='1'; host='b' port='1'; ");
    CHECK(apart("host=a,b port=1,") == "host='a' port='1'; host='b'; ");
    CHECK(apart("host=a,b hostaddr=1.1.1.1,") == "host='a' hostaddr='1.1.1.1'; host='b'; ");
    CHECK(apart("hostaddr=1.1.1.1,1.1.1.2") == "hostaddr='1.1.1.1'; hostaddr='1.1.1.2'; ");
    for (const char* text : {"host=a,b port=1,2,3", "host=a port=1,2", "host=a,b hostaddr=1.1.1.1"}) {
        CHECK(apart(text) == "refused: the connection string has other numbers of hosts, addresses and ports");
    }
}

TEST_CASE("a password file line escapes what separates its fields") {
    CHECK(passfile_line("re:pl", "a:b\\c") == "*:*:*:re\\:pl:a\\:b\\\\c\n");
    CHECK_FALSE(passfile_line("repl", ""));
    CHECK_FALSE(passfile_line("repl", "two\nlines"));
}

TEST_CASE("names and texts are quoted, and a verifier is not the password") {
    CHECK(quote_identifier("a\"b") == "\"a\"\"b\"");
    CHECK(quote_literal("it's") == "'it''s'");
    const auto one = scram_verifier("app", "secret");
    const auto two = scram_verifier("app", "secret");
    REQUIRE(one);
    CHECK(one->starts_with("SCRAM-SHA-256$4096:"));
    CHECK(one->find("secret") == std::string::npos);
    CHECK(*one != *two);
    CHECK_FALSE(scram_verifier("app", ""));
}
