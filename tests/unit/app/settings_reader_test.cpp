#include "app/settings_reader.hpp"

#include "containing.hpp"
#include "environment.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::app;
using namespace std::chrono_literals;
using test::environment;

namespace {

ReadSettings read(const std::string& yaml) { return read_settings(yaml, "pg.yaml", environment()); }

std::string all_findings(const ReadSettings& read) {
    std::string text;
    for (const auto& finding : read.findings) text += to_text(finding) + "\n";
    return text;
}

// What is said about one line appended to a configuration that is well otherwise.
std::string said_about(const std::string& line) { return all_findings(read("volume: /data\n" + line + "\n")); }

}  // namespace

TEST_CASE("a volume is all that a configuration must give") {
    const auto result = read("volume: /data\n");

    CAPTURE(all_findings(result));
    CHECK(result.findings.empty());
    CHECK(result.usable());
    CHECK(result.settings.cluster == "pgbosun");
    CHECK(result.settings.instance == "pg-1");
    CHECK(result.settings.run_dir == "/run/pgbosun");
    CHECK(result.settings.config_file == "pg.yaml");
    CHECK_FALSE(result.settings.archive);
    CHECK_FALSE(result.settings.run_as);
}

TEST_CASE("an empty configuration is told what it lacks") {
    CHECK(all_findings(read("")) ==
          "pg.yaml: error: volume: must be given (hint: name the directory that keeps the database, such as "
          "/var/lib/postgresql/data)\n");
    CHECK_FALSE(read("# nothing\n").usable());
}

TEST_CASE("every kind of value arrives in its field") {
    const auto result = read(R"(
cluster: orders
volume: /data
bootstrap:
  initdb: {database: shop, wal_segment_size: 64, data_checksums: off, post_init_sql: ["CREATE ROLE x", "SELECT 1"]}
  join: {primary_conninfo: "host=pg-1"}
postgresql:
  parameters: {max_connections: 200, shared_buffers: 256MB}
  synchronous: {method: first, number: 2, data_durability: preferred, standby_names: [pg-2]}
archive: {destination: "file:///archive", wal: {compression: lz4, max_parallel: 8}}
shutdown: {smart_timeout: 500ms, timeout: 2min}
probes: {readiness: {max_lag: 16MB}, startup: {type: query}}
log: {format: text}
)");

    CAPTURE(all_findings(result));
    REQUIRE(result.usable());
    const auto& settings = result.settings;
    CHECK(settings.bootstrap.initdb.database == "shop");
    CHECK(settings.bootstrap.initdb.wal_segment_size == 64);
    CHECK_FALSE(settings.bootstrap.initdb.data_checksums);
    CHECK(settings.bootstrap.initdb.post_init_sql == std::vector<std::string>{"CREATE ROLE x", "SELECT 1"});
    CHECK(settings.bootstrap.join->primary_conninfo == "host=pg-1");
    CHECK(settings.postgresql.parameters.at("max_connections") == "200");
    CHECK(settings.postgresql.synchronous->method == SyncMethod::first);
    CHECK(settings.postgresql.synchronous->data_durability == DataDurability::preferred);
    CHECK(settings.archive->wal.compression == Compression::lz4);
    CHECK(settings.archive->server_name == "orders");
    CHECK(settings.shutdown.smart_timeout == 500ms);
    CHECK(settings.shutdown.timeout == 2min);
    CHECK(settings.probes.max_lag_bytes == 16U << 20);
    CHECK(settings.probes.startup == StartupStrategy::query);
    CHECK(settings.log.format == LogFormat::text);
}

TEST_CASE("everything that is wrong is said at once, in the order of the lines") {
    const auto result = read("cluster: Orders\nvolume: data\nhtpp: {listen: x}\nhttp:\n  listen: nowhere\n  port: 1\n");

    CHECK(all_findings(result) ==
          "pg.yaml:1: error: cluster: \"Orders\" is not a name (hint: use 1 to 63 of a-z, 0-9 and -, not - "
          "at an end)\n"
          "pg.yaml:2: error: volume: \"data\" is not an absolute path (hint: begin it with /)\n"
          "pg.yaml:3: error: htpp: is not a key of the configuration (hint: did you mean http?)\n"
          "pg.yaml:5: error: http.listen: \"nowhere\" is not an address to listen on (hint: write host:port, "
          "such as "
          "0.0.0.0:8008 or [::]:8008)\n"
          "pg.yaml:6: error: http.port: is not a key of the configuration (hint: did you mean "
          "postgresql.port?)\n");
}

TEST_CASE("an unknown key is answered with the one that was meant") {
    const auto [line, meant] = GENERATE(table<std::string, std::string>({
        {"clutser: x", "did you mean cluster?"},
        {"bootstrap: {initdb: {passwordFile: /x}}", "did you mean bootstrap.initdb.password_file?"},
        {"shutdown: {smarttimeout: 1s}", "did you mean shutdown.smart_timeout?"},
        {"max_lag: 1MB", "did you mean probes.readiness.max_lag?"},
        {"postgresql: {paramters: {}}", "did you mean postgresql.parameters?"},
        {"zebra: 1", "docs/configuration.md lists every key"},
    }));
    CAPTURE(line);
    CHECK_THAT(said_about(line), pgbosun::app::test::containing(meant));
}

TEST_CASE("a bad value is refused with what to write instead") {
    const auto [line, complaint] = GENERATE(table<std::string, std::string>({
        {"volume: /other", "pg.yaml:2: error: volume: is given twice"},
        {"http: {listen: a:1, listen: b:2}", "http.listen: is given twice"},
        {"cluster: [a]", "must be a single value, and is a list"},
        {"cluster:", "has no value"},
        {"http: yes", "http: must be a map, and is a single value"},
        {"metrics: {queries: /q.yaml}", "must be a list, and is a single value"},
        {"postgresql: {pg_hba: [{a: b}]}", "an entry must be a single value, and is a map"},
        {"postgresql: {parameters: [a]}", "must be a map, and is a list"},
        {"postgresql: {parameters: {a: 1, a: 2}}", "postgresql.parameters.a: is given twice"},
        {"postgresql: {parameters: {a-b: 1}}", "is not a parameter's name"},
        {"postgresql: {port: 0}", "write a number from 1 to 65535"},
        {"postgresql: {port: 5432x}", "is not a whole number"},
        {"postgresql: {wal_dir: /data/pgdata/w}", "is inside the data directory /data/pgdata"},
        {"bootstrap: {initdb: {wal_segment_size: 17}}", "is not a power of two"},
        {"bootstrap: {initdb: {data_checksums: maybe}}", "write true or false"},
        {"bootstrap: {initdb: {locale_provider: glibc}}", "write one of libc, icu, builtin"},
        {"bootstrap: {initdb: {icu_locale: en}}", "bootstrap.initdb.icu_locale: means nothing without"},
        {"bootstrap: {initdb: {locale_provider: icu, builtin_locale: C}}", "without locale_provider: builtin"},
        {"bootstrap: {initdb: {encoding: UTFX}}", "\"UTFX\" is no encoding of a server"},
        {"bootstrap: {initdb: {options: [\"-D\", /x]}}", "bootstrap.initdb.options: \"-D\": pgbosun gives this"},
        {"bootstrap: {join: {}}", "bootstrap.join.primary_conninfo: must be given"},
        {"bootstrap: {join: {primary_conninfo: host=a password=b}}", "put it into a file"},
        {"bootstrap: {recovery: {backup: latest}}", "bootstrap.recovery.source: must say which archive"},
        {"backup: {schedule: \"0 0 2 * * *\"}", "backup.schedule: needs an archive"},
        {"drill: {schedule: \"0 0 2 * * *\"}", "drill.schedule: needs an archive"},
        {"drill: {directory: /data}", "is within the data directory, or above it"},
        {"drill: {shared_buffers: 32}", "is not a size of memory"},
        {"mode: managed", "nobody could prove to be allowed"},
        {"mode: managed\nhttp: {client_ca: /ca, cert_file: /c, key_file: /k}", "show a token, no certificate"},
        {"mode: managed\nbootstrap: {clone_from: archive}", "bootstrap.clone_from: needs an archive"},
        {"mode: managed\npostgresql: {replication: {stream: false}}", "leaves no way for WAL to come"},
        {"replication_slots: {high_availability: {slot_prefix: Mine}}", "\"Mine\" cannot begin a slot's name"},
        {"replication_slots: {synchronize_replicas: {exclude_patterns: [\"(\"]}}", "\"(\" is no regular expression"},
        {"replication_slots: {high_availability: {enabled: false, synchronize_logical_decoding: true}}",
         "needs the members' own slots"},
        {"bootstrap: {clone_from: backup}", "write one of auto, primary, archive"},
        {"mode: master", "write one of standalone, managed"},
        {"shutdown: {timeout: 60}", "\"60\" has no unit"},
        {"shutdown: {timeout: 5m}", "write a whole number and a unit: 500ms, 3s, 5min, 1h"},
        {"shutdown: {smart_timeout: 60s}", "leaves no time for a fast shutdown"},
        {"probes: {readiness: {max_lag: lots}}", "is not a size"},
        {"http: {cert_file: /c}", "http.key_file: must be given with http.cert_file"},
        {"http: {client_ca: /c}", "client certificates need TLS"},
        {"metrics: {listen: 0.0.0.0:8008}", "is the same as http.listen"},
        {"lease: {ttl: 999ms}", "write a duration from 1s to 5min"},
        {"monitor: {interval: 6s}", "must be at least twice monitor.interval"},
        {"archive: {}", "pg.yaml:2: error: archive.destination: must be given"},
        {"archive: {destination: s3://b, credentials: {secret_access_key_env: A}}",
         "archive.credentials.access_key_id_file: must be given"},
        {"archive: {destination: file:///a, server_side_encryption: AES256}", "is for s3:// alone"},
        {"archive: {destination: s3://b, kms_key_id: k}", "means nothing without server_side_encryption: aws:kms"},
        {"archive: {destination: azure://account}", "names no account and container"},
        {"archive: {destination: s3://b, encryption: {older_key_files: [/k]}}",
         "archive.encryption.key_file: must be given"},
        {"archive: {destination: \"file:///data/pgdata/a\"}", "is inside the data directory"},
        {"archive: {destination: \"file:///a\", wal: {compression: gzip, level: 10}}", "gzip knows 1 to 9"},
        {"archive: {destination: \"file:///a\", credentials: {session_token_file: /a, session_token_env: B}}",
         "keep one of them"},
        {"instance: ${NOWHERE}", "the environment variable NOWHERE is not set"},
        {"instance: \"${}\"", "names no variable"},
        {"instance: \"${HOSTNAME\"", "has no closing"},
        {"run_dir: /" + std::string(93, 'x'), "have paths of 108 bytes, and the system takes 107"},
        {"log: {level: loud}", "write one of debug, info, warning, error"},
    }));
    CAPTURE(line);
    const auto text = said_about(line);
    CHECK_THAT(text, pgbosun::app::test::containing(complaint));
    CHECK_THAT(text, pgbosun::app::test::containing(": error: "));
}

TEST_CASE("a path for the sockets that just fits is taken") {
    CHECK(said_about("run_dir: /" + std::string(92, 'x')).empty());
}

TEST_CASE("a stop whose steps together are longer than the whole is a warning") {
    const auto line = GENERATE(as<std::string>(), "shutdown: {timeout: 12s, smart_timeout: 6s}",
                               "shutdown: {timeout: 5s}", "shutdown: {smart_timeout: 41s}",
                               "shutdown: {timeout: 10s, checkpoint_timeout: 1s, smart_timeout: 6s}");
    CAPTURE(line);
    CHECK_THAT(said_about(line), pgbosun::app::test::containing("warning: shutdown.timeout: "));
}

TEST_CASE("a stop whose steps fit is not spoken of") {
    const auto line = GENERATE(as<std::string>(), "shutdown: {timeout: 30s}", "shutdown: {smart_timeout: 40s}",
                               "shutdown: {timeout: 10s, checkpoint_timeout: 0s, smart_timeout: 6s}");
    CAPTURE(line);
    CHECK(said_about(line).empty());
}

TEST_CASE("a token over an unencrypted network is a warning") {
    CHECK_THAT(said_about("http: {token_file: /t}"), pgbosun::app::test::containing("warning: http.token_file"));
    CHECK(said_about("http: {token_file: /t, listen: 127.0.0.1:1}").empty());
}

TEST_CASE("TLS that is demanded of standbys where PostgreSQL speaks none is a warning") {
    const std::string demanded = "postgresql: {replication: {tls: true}";
    CHECK_THAT(said_about(demanded + "}"),
               pgbosun::app::test::containing("warning: postgresql.replication.tls: postgresql.parameters do not"));
    CHECK(said_about(demanded + ", parameters: {ssl: on}}") == "");
}

TEST_CASE("a wish where clones come from is a warning for who has no controller") {
    CHECK_THAT(said_about("bootstrap: {clone_from: primary}"),
               pgbosun::app::test::containing("warning: bootstrap.clone_from: is for managed instances"));
    CHECK(said_about("bootstrap: {clone_from: auto}").empty());
}

TEST_CASE("not to stream is a warning for who has no controller") {
    CHECK_THAT(said_about("postgresql: {replication: {stream: false}}"),
               pgbosun::app::test::containing("warning: postgresql.replication.stream: is for managed instances"));
}

TEST_CASE("variables stand for their values") {
    const auto in = environment({{"NAME", "shop"}, {"EMPTY", ""}});
    const auto name_of = [&](const std::string& value) {
        const auto result = read_settings("volume: /data\ncluster: \"" + value + "\"\n", "pg.yaml", in);
        CAPTURE(all_findings(result));
        CHECK(result.usable());
        return result.settings.cluster;
    };

    CHECK(name_of("${NAME}") == "shop");
    CHECK(name_of("a-${NAME}-${NAME}") == "a-shop-shop");
    CHECK(name_of("${OTHER:-spare}") == "spare");
    CHECK(name_of("${EMPTY:-spare}") == "spare");
    CHECK(name_of("${NAME:-spare}") == "shop");
    CHECK(name_of("${HOSTNAME}") == "pg-1");
}

TEST_CASE("a dollar sign in SQL stays what it is") {
    const auto result =
        read("volume: /data\nbootstrap:\n  initdb:\n    post_init_sql: [\"DO $$BEGIN END$$\", '$${x}']\n");

    REQUIRE(result.usable());
    CHECK(result.settings.bootstrap.initdb.post_init_sql == std::vector<std::string>{"DO $$BEGIN END$$", "${x}"});
}

TEST_CASE("a parameter that must not be set is refused at its own line") {
    const ParameterCheck check = [](const std::string& name, const std::string&) -> std::optional<ParameterObjection> {
        if (name != "archive_command") return std::nullopt;
        return ParameterObjection{"is set by pgbosun", "use archive"};
    };
    const auto result =
        read_settings("volume: /data\npostgresql:\n  parameters:\n    work_mem: 4MB\n    archive_command: cp\n",
                      "pg.yaml", environment(), check);

    CHECK(all_findings(result) ==
          "pg.yaml:5: error: postgresql.parameters.archive_command: is set by pgbosun (hint: use archive)\n");
    CHECK(result.settings.postgresql.parameters.size() == 1);
}

TEST_CASE("a configuration that is no YAML names the line") {
    CHECK_THAT(all_findings(read("volume: /data\nhttp: [1\n")), Catch::Matchers::StartsWith("pg.yaml:"));
    CHECK_THAT(all_findings(read("a: b: c\n")), pgbosun::app::test::containing("not valid YAML"));
    CHECK_THAT(all_findings(read("- a\n")), pgbosun::app::test::containing("must be a map of keys"));
}

TEST_CASE("a thousand mistakes are not a thousand and one lines") {
    std::string yaml;
    for (int i = 0; i < 1000; ++i) yaml += "zebra" + std::to_string(i) + ": 1\n";

    CHECK(read(yaml).findings.size() <= 201);
}

TEST_CASE("when started as root PostgreSQL runs as postgres unless another user is named") {
    auto root = environment();
    root.started_as = StartedAs::root;

    CHECK(read_settings("volume: /data\n", "f", root).settings.run_as == "postgres");
    CHECK(read_settings("volume: /data\nrun_as: anna\n", "f", root).settings.run_as == "anna");
}

TEST_CASE("the embedded default keeps everything below the working directory") {
    auto here = environment();
    here.hostname = "Anna.example.com";
    here.output = StandardOutput::terminal;
    const auto result = embedded_settings(here);

    CAPTURE(all_findings(result));
    CHECK(result.findings.empty());
    CHECK(result.settings.instance == "anna");
    CHECK(result.settings.volume == "/home/anna/pgbosun-data");
    CHECK(result.settings.run_dir == "/home/anna/pgbosun-data/run");
    CHECK(result.settings.archive->destination == "file:///home/anna/pgbosun-data/archive");
    CHECK(result.settings.archive->server_name == "pgbosun");
    CHECK(result.settings.http.listen == "127.0.0.1:8008");
    CHECK(result.settings.log.format == LogFormat::text);
    CHECK(result.settings.config_file.empty());
}

TEST_CASE("the embedded default writes JSON where no person reads, and refuses a directory that is too deep") {
    auto deep = environment();
    deep.working_directory = "/" + std::string(90, 'x');
    const auto result = embedded_settings(deep);

    CHECK(result.settings.log.format == LogFormat::json);
    CHECK_FALSE(result.usable());
    CHECK_THAT(all_findings(result), pgbosun::app::test::containing("start in a directory with a shorter path"));
}
