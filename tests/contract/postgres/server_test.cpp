#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "postgres/bootstrap_sql.hpp"
#include "postgres/configuration.hpp"
#include "postgres/control_data.hpp"
#include "postgres/log_record.hpp"
#include "postgres/metrics.hpp"
#include "postgres/postmaster_pid.hpp"
#include "postgres/server_facts.hpp"
#include "postgres/tools.hpp"
#include "run_task.hpp"
#include "shared_server.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::postgres;
using namespace pgbosun::test;
using namespace std::chrono_literals;

namespace {

Result<Rows> ask(boost::asio::io_context& io, PgSession& session, std::string sql) {
    return test::run(io, session.query(std::move(sql), {}, 10min));
}

std::string control_value(const std::string& text, const std::string& name) {
    const auto at = text.find("\n" + name + ":");
    REQUIRE(at != std::string::npos);
    const auto begin = text.find_first_not_of(' ', at + name.size() + 2);
    return text.substr(begin, text.find('\n', begin) - begin);
}

class TestClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override { return at; }
    [[nodiscard]] WallTime wall() const override { return {}; }
    Instant at{};
};

const MetricFamily* family(const std::vector<MetricFamily>& families, std::string_view name) {
    for (const MetricFamily& candidate : families)
        if (candidate.name == name) return &candidate;
    return nullptr;
}

}  // namespace

TEST_CASE("pg_control reads as pg_controldata shows it") {
    RealPostgres server({.initdb_arguments = {"--data-checksums", "--wal-segsize=4"},
                         .configuration =
                             "max_connections = 77\nmax_locks_per_transaction = 65\nmax_wal_senders = 6\n"
                             "max_worker_processes = 9\nmax_prepared_transactions = 3\nwal_log_hints = on\n"});
    const auto running = parse_control_data(read_file(server.data_directory() + "/global/pg_control"));
    server.stop();

    const auto control = parse_control_data(read_file(server.data_directory() + "/global/pg_control"));
    const std::string text = "\n" + RealPostgres::run("pg_controldata", {server.data_directory()});

    REQUIRE(running);
    CHECK(running->state == ClusterState::in_production);
    REQUIRE(control);
    CHECK(control->control_version == control_version_of(RealPostgres::major()));
    CHECK(std::to_string(control->control_version) == control_value(text, "pg_control version number"));
    CHECK(std::to_string(control->catalog_version) == control_value(text, "Catalog version number"));
    CHECK(std::to_string(number(control->system_id)) == control_value(text, "Database system identifier"));
    CHECK(to_string(control->state) == control_value(text, "Database cluster state"));
    CHECK(to_string(control->checkpoint) == control_value(text, "Latest checkpoint location"));
    CHECK(to_string(control->redo) == control_value(text, "Latest checkpoint's REDO location"));
    CHECK(std::to_string(number(control->timeline)) == control_value(text, "Latest checkpoint's TimeLineID"));
    CHECK(std::to_string(number(control->previous_timeline)) ==
          control_value(text, "Latest checkpoint's PrevTimeLineID"));
    CHECK(to_string(control->min_recovery_point) == control_value(text, "Minimum recovery ending location"));
    CHECK(control_value(text, "wal_log_hints setting") == (control->wal_log_hints ? "on" : "off"));
    CHECK(std::to_string(control->wal_segment_size) == control_value(text, "Bytes per WAL segment"));
    CHECK(std::to_string(control->block_size) == control_value(text, "Database block size"));
    CHECK(std::to_string(control->data_checksum_version) == control_value(text, "Data page checksum version"));
    CHECK(control->limits == HotStandbyLimits{.max_connections = 77,
                                              .max_worker_processes = 9,
                                              .max_wal_senders = 6,
                                              .max_prepared_transactions = 3,
                                              .max_locks_per_transaction = 65});
}

TEST_CASE("the lock file of a running server is read") {
    const auto file = parse_postmaster_pid(read_file(shared_server().data_directory() + "/postmaster.pid"));

    REQUIRE(file);
    CHECK(file->pid == shared_server().pid());
    CHECK(file->data_directory == shared_server().data_directory());
    CHECK(file->port == 5432);
    CHECK(file->state == PostmasterState::ready);
}

TEST_CASE("one statement tells the facts of a primary") {
    boost::asio::io_context io;
    LibpqSession session(io, target_of(shared_server()));
    const auto control = parse_control_data(read_file(shared_server().data_directory() + "/global/pg_control"));

    const auto rows = ask(io, session, std::string(server_facts_sql));
    REQUIRE(rows);
    const auto facts = parse_server_facts(*rows);

    REQUIRE(control);
    REQUIRE(facts);
    CHECK(facts->recovery == Recovery::none);
    CHECK(facts->version / 10000 == RealPostgres::major());
    CHECK(facts->system_id == control->system_id);
    CHECK(number(facts->timeline) == 1);
    CHECK(facts->wal_segment_size == 16U << 20);
    CHECK(facts->checksums == (control->data_checksum_version != 0));
    CHECK(facts->lsn.current);
    CHECK_FALSE(facts->lsn.replayed);
    CHECK(facts->pending_restart.empty());
    CHECK(facts->standbys.empty());
}

TEST_CASE("one statement tells the facts of a standby and of its primary") {
    boost::asio::io_context io;
    RealPostgres primary;
    RealPostgres standby({.standby_of = &primary});
    LibpqSession at_primary(io, target_of(primary));
    LibpqSession at_standby(io, target_of(standby));
    const auto facts_of = [&](LibpqSession& session) {
        const auto rows = ask(io, session, std::string(server_facts_sql));
        if (!rows) FAIL(rows.error().text());
        auto facts = parse_server_facts(*rows);
        if (!facts) FAIL(facts.error().text());
        return *facts;
    };
    constexpr int attempts = 3000;
    ServerFacts follower = facts_of(at_standby);
    ServerFacts leader = facts_of(at_primary);
    for (int i = 0; i < attempts && (!follower.lsn.streaming || leader.standbys.empty()); ++i) {
        REQUIRE(ask(io, at_primary, "select pg_sleep(0.01)"));
        follower = facts_of(at_standby);
        leader = facts_of(at_primary);
    }

    CHECK(follower.recovery == Recovery::standby);
    CHECK(follower.system_id == leader.system_id);
    CHECK(number(follower.timeline) == 1);
    CHECK(follower.lsn.streaming);
    CHECK(follower.lsn.received);
    CHECK(follower.lsn.replayed);
    CHECK(follower.lsn.lag_bytes);
    CHECK_FALSE(follower.lsn.current);
    REQUIRE(leader.standbys.size() == 1);
    CHECK(leader.standbys[0].name == "standby");
    CHECK(leader.standbys[0].sync == "async");

    REQUIRE(ask(io, at_standby, "select pg_promote(true, 60)"));
    const ServerFacts promoted = facts_of(at_standby);
    CHECK(promoted.recovery == Recovery::none);
    CHECK(number(promoted.timeline) == 2);
}

TEST_CASE("a base backup is taken with the generated command and its progress is understood") {
    const std::string directory = make_postgres_directory();
    Settings settings;
    settings.volume = directory;
    settings.postgresql.bin_dir = RealPostgres::bin_dir();
    const Command command = base_backup_command(
        settings,
        {.conninfo = "host='" + shared_server().socket_directory() + "' user='postgres'", .max_rate = "1000M"});

    const std::string output = RealPostgres::run("pg_basebackup", command.arguments);

    std::size_t progress = 0;
    for (std::size_t begin = 0; begin < output.size();) {
        const auto end = std::min(output.find_first_of("\r\n", begin), output.size());
        progress += parse_base_backup_progress(output.substr(begin, end - begin)) ? 1 : 0;
        begin = end + 1;
    }
    CAPTURE(output);
    CHECK(progress > 0);
    CHECK(parse_control_data(read_file(settings.data_directory() + "/global/pg_control")));
    std::filesystem::remove_all(directory);
}

TEST_CASE("initdb works with the generated command") {
    const std::string directory = make_postgres_directory();
    Settings settings;
    settings.volume = directory;
    settings.postgresql.bin_dir = RealPostgres::bin_dir();
    settings.bootstrap.initdb.wal_segment_size = 1;

    const Command command = initdb_command(settings, {.server_major = RealPostgres::major()});
    static_cast<void>(RealPostgres::run("initdb", command.arguments));

    const auto control = parse_control_data(read_file(settings.data_directory() + "/global/pg_control"));
    REQUIRE(control);
    CHECK(control->wal_segment_size == 1U << 20);
    CHECK(control->data_checksum_version == 1);
    CHECK(control->state == ClusterState::shut_down);
    std::filesystem::remove_all(directory);
}

TEST_CASE("a bootstrapped server has what was asked for, and its steps can be done again") {
    boost::asio::io_context io;
    RealPostgres server;
    Settings settings;
    settings.bootstrap.initdb.database = "or\"ders";
    settings.bootstrap.initdb.owner = "o'wner";
    settings.bootstrap.initdb.post_init_application_sql = {"create table if not exists public.made (a int)"};
    const auto verifier = scram_verifier("o'wner", "se'cret");
    REQUIRE(verifier);
    CHECK(verifier->starts_with("SCRAM-SHA-256$"));

    for (int round = 0; round < 2; ++round) {
        for (const BootstrapStep& step : bootstrap_steps(settings, {.owner_verifier = *verifier})) {
            CAPTURE(round, step.what, step.sql);
            LibpqSession session(io, target_of(server, step.database));
            const auto there = step.unless.empty() ? Result<Rows>(Rows{}) : ask(io, session, step.unless);
            REQUIRE(there);
            if (there->rows.empty()) {
                const auto done = ask(io, session, step.sql);
                if (!done) FAIL(done.error().text());
            } else {
                CHECK(round == 1);
            }
        }
    }

    LibpqSession session(io, target_of(server, "or\"ders"));
    const auto owner =
        ask(io, session, "select pg_get_userbyid(datdba) from pg_database where datname = current_database()");
    REQUIRE(owner);
    CHECK(owner->rows[0][0] == "o'wner");
    const auto stored = ask(io, session, "select rolpassword from pg_authid where rolname = 'o''wner'");
    CHECK(stored->rows[0][0] == *verifier);
    CHECK(ask(io, session, "select a from public.made"));
    CHECK(read_file(server.directory() + "/server.log").find("se'cret") == std::string::npos);
}

TEST_CASE("every default metric is there, from a role without rights of its own") {
    boost::asio::io_context io;
    LibpqSession session(io, target_of(shared_server()));
    Settings settings;
    for (const BootstrapStep& step : role_steps(settings)) {
        const auto there = ask(io, session, step.unless);
        REQUIRE(there);
        if (there->rows.empty()) REQUIRE(ask(io, session, step.sql));
    }
    TestClock clock;
    std::size_t opened = 0;
    const auto open = [&](const std::string& database) {
        ++opened;
        SessionTarget target = target_of(shared_server(), database);
        target.user = metrics_role;
        return std::make_unique<LibpqSession>(io, std::move(target));
    };
    const auto queries = parse_metric_queries(default_metrics_yaml, "default_metrics.yaml");
    REQUIRE(queries);
    MetricsCollector collector(open, clock, {.cluster = "orders", .queries = *queries});

    test::run(io, collector.refresh());
    const auto families = collector.current();

    CHECK(collector.last_error() == "");
    for (const char* name : {"cnpg_collector_up",
                             "cnpg_collector_postgres_version",
                             "cnpg_collector_collections_total",
                             "cnpg_collector_last_collection_error",
                             "cnpg_collector_collection_duration_seconds",
                             "cnpg_collector_sync_replicas",
                             "cnpg_collector_wal_records",
                             "cnpg_collector_lo_pages",
                             "cnpg_backends_total",
                             "cnpg_backends_max_tx_duration_seconds",
                             "cnpg_backends_waiting_total",
                             "cnpg_pg_database_size_bytes",
                             "cnpg_pg_database_xid_age",
                             "cnpg_pg_database_mxid_age",
                             "cnpg_pg_postmaster_start_time",
                             "cnpg_pg_replication_lag",
                             "cnpg_pg_replication_in_recovery",
                             "cnpg_pg_replication_is_wal_receiver_up",
                             "cnpg_pg_replication_streaming_replicas",
                             "cnpg_pg_stat_archiver_archived_count",
                             "cnpg_pg_stat_archiver_last_archived_wal_start_lsn",
                             "cnpg_pg_stat_bgwriter_buffers_alloc",
                             "cnpg_pg_stat_database_xact_commit",
                             "cnpg_pg_stat_database_blk_write_time",
                             "cnpg_pg_settings_setting",
                             "cnpg_pg_extensions_update_available"}) {
        CAPTURE(name);
        const MetricFamily* found = family(families, name);
        REQUIRE(found != nullptr);
        CHECK_FALSE(found->samples.empty());
    }
    CHECK(family(families, RealPostgres::major() >= 17 ? "cnpg_pg_stat_checkpointer_checkpoints_timed"
                                                       : "cnpg_pg_stat_bgwriter_checkpoints_timed") != nullptr);
    CHECK(family(families, "cnpg_pg_stat_replication_replay_lag_seconds") != nullptr);
    CHECK(family(families, "cnpg_pg_replication_slots_active") != nullptr);
    bool shared_row = false;
    for (const auto& sample : family(families, "cnpg_pg_stat_database_xact_commit")->samples)
        shared_row = shared_row || sample.labels[0].second.empty();
    CHECK(shared_row);
    CHECK(family(families, "cnpg_collector_up")->samples[0].value == 1);

    const std::size_t opened_before = opened;
    clock.at += 1s;
    test::run(io, collector.refresh());
    CHECK(opened == opened_before);
}

TEST_CASE("a metrics query cannot write, and its failure leaves the others alone") {
    boost::asio::io_context io;
    TestClock clock;
    const auto open = [&](const std::string& database) {
        return std::make_unique<LibpqSession>(io, target_of(shared_server(), database));
    };
    const auto queries = parse_metric_queries(
        "evil: {query: \"create table public.evil as select 1 as a\", metrics: [a: {usage: GAUGE}]}\n"
        "good: {query: \"select 5 as a\", metrics: [a: {usage: GAUGE}]}\n",
        "queries.yaml");
    REQUIRE(queries);
    MetricsCollector collector(open, clock, {.cluster = "orders", .queries = *queries});

    test::run(io, collector.refresh());
    const auto families = collector.current();

    CHECK(collector.last_error().starts_with("evil: 25006"));
    REQUIRE(family(families, "cnpg_good_a") != nullptr);
    CHECK(family(families, "cnpg_good_a")->samples[0].value == 5);
    CHECK(family(families, "cnpg_evil_a") == nullptr);
}

TEST_CASE("PostgreSQL accepts the generated configuration and logs into the pipes") {
    RealPostgres server;
    boost::asio::io_context io;
    server.stop();
    Settings settings;
    settings.run_dir = server.directory();
    settings.volume = server.directory();
    settings.instance = "pg-1";
    settings.postgresql.listen_addresses = "";
    settings.postgresql.parameters = {{"work_mem", "5MB"}, {"search_path", "\"$user\", 'pub''lic\\'"}};
    settings.postgresql.synchronous = SynchronousSettings{.standby_names = {"pg-2", "p\"g'3"}};
    settings.archive = ArchiveSettings{};
    const ConfigurationFacts facts{
        .server_major = RealPostgres::major(), .wal_program = "/usr/lib/with space/pgbosun-wal", .account = "postgres"};
    const std::string data = server.data_directory();
    REQUIRE(mkdir(log_directory(settings).c_str(), 0777) == 0);
    REQUIRE(chmod(log_directory(settings).c_str(), 0777) == 0);
    std::vector<int> pipes;
    for (const std::string& path : {json_log_fifo(settings), plain_log_fifo(settings)}) {
        REQUIRE(mkfifo(path.c_str(), 0666) == 0);
        REQUIRE(chmod(path.c_str(), 0666) == 0);
        pipes.push_back(open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
        REQUIRE(pipes.back() >= 0);
    }
    std::ofstream(data + "/pgbosun.conf") << pgbosun_conf(settings, facts);
    std::ofstream(data + "/pg_ident.conf") << pg_ident_conf(settings, facts);
    // As root the tests connect with another uid than the server's, which peer rightly refuses.
    ConfigurationFacts without_account = facts;
    without_account.account.reset();
    std::ofstream(data + "/pg_hba.conf") << pg_hba_conf(settings, geteuid() == 0 ? without_account : facts);
    const std::string main = with_include(read_file(data + "/postgresql.conf"));
    std::ofstream(data + "/postgresql.conf") << main;

    server.start();
    LibpqSession session(io, target_of(server));
    const auto rows = ask(io, session,
                          "select current_setting('archive_command'), current_setting('restore_command'), "
                          "current_setting('work_mem'), current_setting('synchronous_standby_names'), "
                          "(select reset_val from pg_settings where name = 'log_filename')");
    const auto errors = ask(io, session, "select count(*) from pg_file_settings where error is not null");
    const auto hba = ask(io, session, "select count(*) from pg_hba_file_rules where error is not null");

    if (!rows) FAIL(rows.error().text());
    CHECK(rows->rows[0] == std::vector<Field>{"exec '/usr/lib/with space/pgbosun-wal' archive %p",
                                              "exec '/usr/lib/with space/pgbosun-wal' restore %f %p", "5MB",
                                              "ANY 1 (\"pg-2\",\"p\"\"g'3\")", "postgres.log"});
    REQUIRE(errors);
    CHECK(errors->rows[0][0] == "0");
    REQUIRE(hba);
    CHECK(hba->rows[0][0] == "0");

    server.stop();
    std::string log(1 << 16, '\0');
    const auto got = read(pipes[0], log.data(), log.size());
    REQUIRE(got > 0);
    log.resize(static_cast<std::size_t>(got));
    std::size_t lines = 0;
    for (std::size_t begin = 0, end = log.find('\n'); end != std::string::npos;
         begin = end + 1, end = log.find('\n', begin)) {
        const std::string line = log_line(log.substr(begin, end - begin), LogFormat::json, {});
        CAPTURE(line);
        CHECK(line.find("\"msg\":\"record\"") != std::string::npos);
        ++lines;
    }
    CHECK(lines > 3);
    for (const int pipe : pipes) close(pipe);
}
