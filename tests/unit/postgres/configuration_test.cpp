#include "postgres/configuration.hpp"

#include "postgres/libpq_backup_stream.hpp"
#include "postgres/parameters.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::postgres;

namespace {

Settings settings() {
    Settings result;
    result.volume = "/data";
    result.run_dir = "/run/pgbosun";
    result.instance = "pg-1";
    return result;
}

ConfigurationFacts facts() {
    return {.server_major = 17, .wal_program = "/usr/bin/pgbosun-wal", .account = "postgres"};
}

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

std::optional<Severity> severity(std::string_view name, std::string_view value) {
    const auto finding = check_parameter(name, value);
    if (!finding) return std::nullopt;
    CHECK_FALSE(finding->why.empty());
    CHECK_FALSE(finding->hint.empty());
    return finding->severity;
}

}  // namespace

TEST_CASE("WAL is summarized for incremental backups, where the server can and nobody says otherwise") {
    auto wanted = settings();
    auto of_16 = facts();
    of_16.server_major = 16;
    CHECK_FALSE(has_line(pgbosun_conf(wanted, facts()), "summarize_wal = 'on'"));

    wanted.backup.incremental = true;

    CHECK(has_line(pgbosun_conf(wanted, facts()), "summarize_wal = 'on'"));
    CHECK_FALSE(has_line(pgbosun_conf(wanted, of_16), "summarize_wal = 'on'"));
    wanted.postgresql.parameters["summarize_wal"] = "off";
    CHECK(has_line(pgbosun_conf(wanted, facts()), "summarize_wal = 'off'"));
}

TEST_CASE("a standby streams by its slot, and what PostgreSQL needs to keep logical slots in step is set with it") {
    auto wanted = settings();
    auto standby = facts();
    standby.following = Following{.primary_conninfo = "host='pg-1'", .slot = "_pgbosun_pg_2"};
    CHECK(has_line(pgbosun_conf(wanted, standby), "primary_slot_name = '_pgbosun_pg_2'"));
    CHECK(has_line(pgbosun_conf(wanted, standby), "sync_replication_slots = 'off'"));
    CHECK(has_line(pgbosun_conf(wanted, standby), "wal_level = 'replica'"));

    wanted.replication_slots.synchronize_logical_decoding = true;
    wanted.postgresql.parameters["hot_standby_feedback"] = "off";
    for (const char* line : {"sync_replication_slots = 'on'", "wal_level = 'logical'", "hot_standby_feedback = 'on'"}) {
        INFO(line);
        CHECK(has_line(pgbosun_conf(wanted, standby), line));
    }
    auto primary = facts();
    primary.confirming_slots = "_pgbosun_pg_2";
    CHECK(has_line(pgbosun_conf(wanted, primary), "synchronized_standby_slots = '_pgbosun_pg_2'"));
    CHECK(has_line(pgbosun_conf(wanted, primary), "sync_replication_slots = 'off'"));

    SECTION("PostgreSQL before 17 knows none of these") {
        standby.server_major = 16;
        const auto text = pgbosun_conf(wanted, standby);
        CHECK(has_line(text, "primary_slot_name = '_pgbosun_pg_2'"));
        CHECK(text.find("sync_replication_slots") == std::string::npos);
        CHECK(text.find("synchronized_standby_slots") == std::string::npos);
        CHECK(has_line(text, "wal_level = 'replica'"));
    }
    SECTION("without a slot of its own it cannot") {
        standby.following->slot.clear();
        CHECK(has_line(pgbosun_conf(wanted, standby), "sync_replication_slots = 'off'"));
    }
}

TEST_CASE("pg_rewind has the own archive, whatever the server may restore from") {
    auto wanted = settings();
    CHECK(has_line(rewind_conf(wanted, "/usr/bin/pgbosun-wal"), "include '/data/pgdata/postgresql.conf'"));
    CHECK(rewind_conf(wanted, "/usr/bin/pgbosun-wal").find("restore_command") == std::string::npos);
    wanted.archive.emplace();
    CHECK(has_line(rewind_conf(wanted, "/usr/bin/pgbosun-wal"),
                   "restore_command = 'exec /usr/bin/pgbosun-wal restore %f %p'"));
}

TEST_CASE(
    "after a crash the file system is synced as a whole where the kernel tells of its errors, unless the user says "
    "otherwise") {
    auto wanted = settings();
    auto on = facts();
    on.syncfs_tells_errors = true;
    CHECK(has_line(pgbosun_conf(wanted, on), "recovery_init_sync_method = 'syncfs'"));
    CHECK(pgbosun_conf(wanted, facts()).find("recovery_init_sync_method") == std::string::npos);

    wanted.postgresql.parameters["recovery_init_sync_method"] = "fsync";
    CHECK(has_line(pgbosun_conf(wanted, on), "recovery_init_sync_method = 'fsync'"));
}

TEST_CASE("an incremental backup is asked for as the server understands it") {
    CHECK(base_backup_statement({.label = "it's me"}) ==
          "BASE_BACKUP ( LABEL 'it''s me', CHECKPOINT 'fast', WAIT 0, MANIFEST 'yes', MANIFEST_CHECKSUMS 'CRC32C', "
          "INCREMENTAL, TARGET 'client' )");
    const auto other = base_backup_statement(
        {.label = "x", .immediate_checkpoint = false, .checking = PageChecking::off, .max_rate = 100});
    CHECK(other.find("CHECKPOINT 'spread'") != std::string::npos);
    CHECK(other.find("VERIFY_CHECKSUMS 0") != std::string::npos);
    CHECK(other.find("MAX_RATE 32,") != std::string::npos);
}

TEST_CASE("parameters that pgbosun owns are refused with a hint, near misses are not") {
    for (const char* name : {"archive_command",
                             "Archive_Mode",
                             "archive_library",
                             "primary_conninfo",
                             "restore_command",
                             "recovery_target",
                             "recovery_target_timeline",
                             "recovery_target_action",
                             "hot_standby",
                             "port",
                             "listen_addresses",
                             "unix_socket_directories",
                             "log_destination",
                             "logging_collector",
                             "log_directory",
                             "log_filename",
                             "log_rotation_age",
                             "log_rotation_size",
                             "data_directory",
                             "config_file",
                             "hba_file",
                             "ident_file",
                             "external_pid_file",
                             "promote_trigger_file",
                             "include",
                             "include_dir",
                             "include_if_exists",
                             "allow_alter_system",
                             "synchronous_standby_names",
                             "restart_after_crash",
                             "recovery_min_apply_delay",
                             "lc_messages"}) {
        CAPTURE(name);
        CHECK(severity(name, "on") == Severity::refused);
    }
    for (const char* name :
         {"hot_standby_feedback", "max_connections", "shared_buffers", "log_statement", "pgaudit.log",
          "archive_timeout", "portal", "recovery_min_apply_delays", "lc_monetary", "a$b"}) {
        CAPTURE(name);
        CHECK_FALSE(severity(name, "1"));
    }
}

TEST_CASE("what endangers data is refused or warned of only when it is off") {
    CHECK(severity("full_page_writes", "off") == Severity::refused);
    CHECK(severity("full_page_writes", "F") == Severity::refused);
    CHECK_FALSE(severity("full_page_writes", "on"));
    CHECK(severity("fsync", "0") == Severity::warned);
    CHECK_FALSE(severity("fsync", "o"));
    CHECK(severity("wal_level", "Minimal") == Severity::refused);
    CHECK_FALSE(severity("wal_level", "logical"));
}

TEST_CASE("names and values that would break out of their line are refused") {
    for (const char* name : {"", "1work_mem", "work mem", "work_mem=1", "a.b.c", ".a", "a.", "work-mem", "#x", "a.1"}) {
        CAPTURE(name);
        CHECK(severity(name, "1") == Severity::refused);
    }
    CHECK(severity("work_mem", "1\nport = 1") == Severity::refused);
    CHECK(severity("work_mem", "1\r") == Severity::refused);
    CHECK(severity("work_mem", std::string_view("1\0", 2)) == Severity::refused);
    CHECK(severity("work_mem", std::string(8193, 'x')) == Severity::refused);
    CHECK(quote_setting("it's a \\ 'day'") == "'it''s a \\\\ ''day'''");
}

TEST_CASE("what the user sets replaces a default but never an owned parameter") {
    Settings given = settings();
    given.postgresql.parameters = {{"WAL_Keep_Size", "1GB"}, {"work_mem", "5MB"}};

    const std::string text = pgbosun_conf(given, facts());

    CHECK(has_line(text, "wal_keep_size = '1GB'"));
    CHECK_FALSE(has_line(text, "wal_keep_size = '512MB'"));
    CHECK(has_line(text, "work_mem = '5MB'"));
    CHECK(text.find("work_mem") < text.find("# Owned"));
    CHECK(has_line(text, "archive_mode = 'off'"));
    CHECK(text.find("archive_command") == std::string::npos);
    CHECK(text.find("restore_command") == std::string::npos);
    CHECK(has_line(text, "allow_alter_system = 'off'"));
    ConfigurationFacts older = facts();
    older.server_major = 16;
    CHECK(pgbosun_conf(given, older).find("allow_alter_system") == std::string::npos);
}

TEST_CASE("a delayed standby replays later, and a recovery to a target does not wait") {
    Settings given = settings();
    CHECK(pgbosun_conf(given, facts()).find("recovery_min_apply_delay") == std::string::npos);
    given.postgresql.apply_delay = std::chrono::hours(1);
    CHECK(has_line(pgbosun_conf(given, facts()), "recovery_min_apply_delay = '3600000ms'"));
    ConfigurationFacts recovery = facts();
    recovery.recovery.emplace();
    CHECK(pgbosun_conf(given, recovery).find("recovery_min_apply_delay") == std::string::npos);
}

TEST_CASE("with an archive the commands name the hook by its full path, quoted for shell and PostgreSQL") {
    Settings given = settings();
    given.archive = ArchiveSettings{};
    CHECK(has_line(pgbosun_conf(given, facts()), "archive_command = 'exec /usr/bin/pgbosun-wal archive %p'"));
    CHECK(has_line(pgbosun_conf(given, facts()), "restore_command = 'exec /usr/bin/pgbosun-wal restore %f %p'"));

    ConfigurationFacts uncompared = facts();
    uncompared.restores_from = RestoresFrom::nowhere;
    CHECK(has_line(pgbosun_conf(given, uncompared), "restore_command = ''"));

    ConfigurationFacts odd = facts();
    odd.wal_program = "/opt/100% it's/pgbosun-wal";
    CHECK(has_line(pgbosun_conf(given, odd),
                   R"(archive_command = 'exec ''/opt/100%% it''\\''''s/pgbosun-wal'' archive %p')"));
}

TEST_CASE(
    "a standby of another cluster's archive asks the source's archiver, each second unless it is told otherwise") {
    Settings with = settings();
    with.archive.emplace();
    ConfigurationFacts told = facts();
    told.restores_from = RestoresFrom::source_archive;

    const auto text = pgbosun_conf(with, told);

    CHECK(has_line(text,
                   "restore_command = 'PGBOSUN_ARCHIVE_SOCKET=/run/pgbosun/recovery.sock exec /usr/bin/pgbosun-wal "
                   "restore %f %p'"));
    CHECK(has_line(text, "archive_command = 'exec /usr/bin/pgbosun-wal archive %p'"));
    CHECK(has_line(text, "recovery_target_timeline = 'latest'"));
    CHECK(has_line(text, "wal_retrieve_retry_interval = '1s'"));
    with.postgresql.parameters["wal_retrieve_retry_interval"] = "30s";
    CHECK(has_line(pgbosun_conf(with, told), "wal_retrieve_retry_interval = '30s'"));
}

TEST_CASE("a recovery is told its target and asks the source's archiver, beside the own archive's command") {
    Settings with = settings();
    with.archive.emplace();
    ConfigurationFacts told = facts();
    told.recovery = {{"restore_command", recovery_restore_command(with, told.wal_program)},
                     {"recovery_target_time", "2026-01-30 10:00:00+00"},
                     {"recovery_target_lsn", ""},
                     {"recovery_target_timeline", "current"},
                     {"recovery_target_action", "promote"}};

    const auto text = pgbosun_conf(with, told);

    CHECK(has_line(text,
                   "restore_command = 'PGBOSUN_ARCHIVE_SOCKET=/run/pgbosun/recovery.sock exec /usr/bin/pgbosun-wal "
                   "restore %f %p'"));
    CHECK(has_line(text, "archive_command = 'exec /usr/bin/pgbosun-wal archive %p'"));
    CHECK(has_line(text, "recovery_target_time = '2026-01-30 10:00:00+00'"));
    CHECK(text.find("recovery_target_timeline = 'latest'") == std::string::npos);
    CHECK(text.find("restore_command") == text.rfind("restore_command"));
    CHECK(text.find("recovery_target_lsn = ''") < text.find("recovery_target_time"));
}

TEST_CASE("of a directory that somebody restored by hand, what recovery was told is kept") {
    const std::string text =
        "recovery_target_time = 'x'\nrestore_command = 'y'\narchive_command = 'z'\nwork_mem = '1MB'\n";
    CHECK(without_owned_but_recovery(text) == "recovery_target_time = 'x'\nrestore_command = 'y'\nwork_mem = '1MB'\n");
    CHECK(without_owned_parameters(text) == "work_mem = '1MB'\n");
}

TEST_CASE("a copy that becomes an instance runs its subscriptions again, as its owner has set them") {
    CHECK(without_copys_parameters("work_mem = '1MB'\nmax_logical_replication_workers = '0'\n") ==
          "work_mem = '1MB'\n");
    const std::string others = "max_logical_replication_workers = '8'\n# max_logical_replication_workers = '0'\n";
    CHECK(without_copys_parameters(others) == others);
}

TEST_CASE("a standby follows and starts with no less than its primary had") {
    Settings given = settings();
    given.postgresql.parameters = {{"max_connections", "200"}, {"max_wal_senders", "5"}};
    ConfigurationFacts standby = facts();
    standby.following = Following{.primary_conninfo = "host='pg-0' passfile='/run/p'"};
    standby.limits = HotStandbyLimits{.max_connections = 100,
                                      .max_worker_processes = 20,
                                      .max_wal_senders = 10,
                                      .max_prepared_transactions = 0,
                                      .max_locks_per_transaction = 64};

    const std::string text = pgbosun_conf(given, standby);
    standby.following.reset();
    const std::string primary = pgbosun_conf(given, standby);

    CHECK(has_line(text, "primary_conninfo = 'host=''pg-0'' passfile=''/run/p'''"));
    CHECK(has_line(text, "primary_slot_name = ''"));
    CHECK(has_line(text, "lc_messages = 'C'"));
    CHECK(has_line(text, "max_connections = '200'"));
    CHECK(has_line(text, "max_wal_senders = '10'"));
    CHECK(has_line(text, "max_worker_processes = '20'"));
    CHECK(text.find("max_prepared_transactions") == std::string::npos);
    CHECK(text.find("max_locks_per_transaction") == std::string::npos);
    CHECK(has_line(primary, "max_wal_senders = '5'"));
    CHECK(has_line(primary, "primary_conninfo = ''"));
}

TEST_CASE("synchronous_standby_names follows method, number and durability") {
    const std::vector<std::string> two{"pg-2", "pg-3"};
    CHECK(synchronous_standby_names({.standby_names = two}, {}) == R"(ANY 1 ("pg-2","pg-3"))");
    CHECK(synchronous_standby_names({.method = SyncMethod::first, .number = 2, .standby_names = two}, {"pg-2"}) ==
          R"(FIRST 2 ("pg-2","pg-3"))");
    CHECK(synchronous_standby_names({}, {}) == "ANY 1 (*)");

    const SynchronousSettings preferred{
        .number = 2, .data_durability = DataDurability::preferred, .standby_names = two};
    CHECK(synchronous_standby_names(preferred, {"pg-3", "stranger"}) == R"(ANY 1 ("pg-3"))");
    CHECK(synchronous_standby_names(preferred, {"stranger"}) == "");
    CHECK(synchronous_standby_names({.data_durability = DataDurability::preferred}, {"pg-9"}) == R"(ANY 1 ("pg-9"))");
}

TEST_CASE("the first access rule is our own, the user's come before the last ones") {
    Settings given = settings();
    given.postgresql.pg_hba = {"host app app 10.0.0.0/8 scram-sha-256"};
    given.postgresql.pg_ident = {"mymap a b"};

    const std::string hba = pg_hba_conf(given, facts());
    const std::string ident = pg_ident_conf(given, facts());

    CHECK(hba.find("local all,replication postgres peer map=pgbosun\n") < hba.find("host app app"));
    CHECK(hba.find("host replication \"streaming_replica\" all scram-sha-256\n") < hba.find("host app app"));
    CHECK(hba.find("host app app") < hba.find("local all all scram-sha-256\nhost all all all scram-sha-256\n"));
    CHECK(hba.find("trust") == std::string::npos);
    CHECK(has_line(ident, "pgbosun \"postgres\" postgres"));
    CHECK(has_line(ident, "mymap a b"));
}

TEST_CASE("what members of a cluster need stands before the user's lines, which may refuse everybody") {
    const std::string strict = "host all all all reject";
    Settings given = settings();
    given.postgresql.pg_hba = {strict};
    const auto comes_first = [&](const std::string& line) {
        const std::string hba = pg_hba_conf(given, facts());
        CAPTURE(line, hba);
        return hba.find("\n" + line + "\n") < hba.find(strict);
    };

    CHECK(comes_first("host replication \"streaming_replica\" all scram-sha-256"));
    CHECK(comes_first("host postgres \"streaming_replica\" all scram-sha-256"));
    CHECK(pg_hba_conf(given, facts()).find("ssl") == std::string::npos);

    given.postgresql.replication.connections = Connections::encrypted;
    CHECK(comes_first("hostssl replication \"streaming_replica\" all scram-sha-256"));
    CHECK(comes_first("hostssl postgres \"streaming_replica\" all scram-sha-256"));
    CHECK(comes_first("hostnossl all,replication \"streaming_replica\" all reject"));

    ConfigurationFacts holding = facts();
    holding.holds_clients = true;
    CHECK(pg_hba_conf(given, holding).ends_with("hostnossl all,replication \"streaming_replica\" all reject\n"));
}

TEST_CASE("a uid without a name is trusted only through a socket that no other uid can open") {
    ConfigurationFacts nameless = facts();
    nameless.account.reset();

    CHECK(has_line(pg_hba_conf(settings(), nameless), "local all,replication postgres trust"));
    CHECK(has_line(pgbosun_conf(settings(), nameless), "unix_socket_permissions = '0700'"));
    CHECK(has_line(pgbosun_conf(settings(), facts()), "unix_socket_permissions = '0777'"));
    CHECK(pg_ident_conf(settings(), nameless).find("postgres") == std::string::npos);
}

TEST_CASE("postgresql.conf includes pgbosun.conf once and last") {
    const std::string once = with_include("a = 1");

    CHECK(once == "a = 1\ninclude 'pgbosun.conf'\n");
    CHECK(with_include(once) == once);
    CHECK(with_include("include 'pgbosun.conf'\nb = 2\n") == "b = 2\ninclude 'pgbosun.conf'\n");
    CHECK(with_include("#include 'pgbosun.conf'\n") == "#include 'pgbosun.conf'\ninclude 'pgbosun.conf'\n");
    CHECK(with_include("") == "include 'pgbosun.conf'\n");
}

TEST_CASE("ALTER SYSTEM keeps what is the user's and loses what is ours") {
    const std::string clean = "# Do not edit this file manually!\nwork_mem = '8MB'\n";
    CHECK(without_owned_parameters(clean) == clean);
    CHECK(without_owned_parameters("work_mem = '8MB'\n  primary_conninfo='x'\narchive_mode off\nfsync = 'off'") ==
          "work_mem = '8MB'\nfsync = 'off'");
}
