#include "app/settings_text.hpp"

#include <random>

#include "app/settings_keys.hpp"
#include "app/settings_reader.hpp"
#include "containing.hpp"
#include "environment.hpp"
#include "support/catch.hpp"
#include "support/seed.hpp"

using namespace pgbosun;
using namespace pgbosun::app;
using pgbosun::app::test::environment;

namespace {

class Dice {
public:
    explicit Dice(std::uint64_t seed) : engine_(seed) {}

    int number(int smallest, int largest) { return std::uniform_int_distribution<int>(smallest, largest)(engine_); }
    bool coin() { return number(0, 1) == 1; }
    template <class T>
    T one_of(std::initializer_list<T> values) {
        return values.begin()[number(0, static_cast<int>(values.size()) - 1)];
    }
    std::string name() {
        return std::string(static_cast<std::size_t>(number(1, 63)), static_cast<char>('a' + number(0, 25)));
    }
    std::string path() {
        return "/" + name() + "/" + one_of<std::string>({"x", "a b", "#c", "d: e", "${F}", "'", "\"", "\\"});
    }
    // What YAML, substitution and SQL find remarkable.
    std::string text() {
        std::string result;
        for (int i = number(1, 12); i > 0; --i) {
            result += one_of<std::string>({"a", " ",  "#",  ": ", "- ", "\"", "'", "\\",   "${",  "$$",
                                           "}", "\n", "\t", "{",  "[",  "ß",  "~", "null", "!",   "&",
                                           "*", "|",  ">",  "%",  "@",  "`",  ",", "\x01", "\x7f"});
        }
        return result;
    }
    std::vector<std::string> texts() {
        std::vector<std::string> result;
        for (int i = number(0, 3); i > 0; --i) result.push_back(text());
        return result;
    }
    Duration duration(int shortest_s, int longest_s) {
        return std::chrono::milliseconds(1000LL * number(shortest_s, longest_s));
    }

private:
    std::mt19937_64 engine_;
};

void random_bootstrap(Dice& dice, Settings& s) {
    auto& initdb = s.bootstrap.initdb;
    initdb.database = dice.name();
    initdb.data_checksums = dice.coin();
    initdb.wal_segment_size = 1 << dice.number(0, 10);
    initdb.locale = dice.text();
    initdb.post_init_sql = dice.texts();
    initdb.post_init_application_sql = dice.texts();
    for (const auto& text : dice.texts()) initdb.options.push_back("--lc-messages=" + text);
    if (dice.coin()) s.bootstrap.clone_from = dice.coin() ? CloneFrom::primary : CloneFrom::archive;
    if (dice.coin()) initdb.password_file = dice.path();
    if (dice.coin()) {
        initdb.locale_provider = "icu";
        initdb.icu_rules = dice.text();
    }
    s.postgresql.replication.stream = dice.coin();
    s.replication_slots.synchronize_replicas = dice.coin();
    s.replication_slots.exclude_patterns = {"^" + dice.name()};
    if (dice.coin()) s.bootstrap.join = JoinSettings{"host='" + dice.name() + "'", dice.path(), "50M"};
}

void random_archive(Dice& dice, Settings& s) {
    auto& archive = s.archive.emplace();
    archive.destination = "s3://" + dice.name() + "/a";
    archive.server_name = dice.name();
    archive.path_style = dice.coin();
    archive.credentials.access_key_id.file = dice.path();
    archive.credentials.secret_access_key.environment = "KEY";
    archive.wal.compression = dice.one_of({Compression::none, Compression::zstd, Compression::gzip, Compression::lz4});
    archive.wal.level = dice.number(1, 9);
    archive.data.immediate_checkpoint = dice.coin();
}

Settings random_settings(Dice& dice) {
    Settings s;
    s.cluster = dice.name();
    s.instance = dice.name();
    s.volume = dice.path();
    s.run_dir = "/run/x";
    if (dice.coin()) s.run_as = "postgres";
    random_bootstrap(dice, s);
    s.postgresql.port = dice.number(1, 65535);
    s.postgresql.listen_addresses = dice.text();
    for (int i = dice.number(0, 3); i > 0; --i) s.postgresql.parameters["p" + std::to_string(i) + ".x"] = dice.text();
    for (auto text : dice.texts()) {
        std::erase_if(text, [](char c) { return c == '\n' || c == '\r' || c == '\0'; });
        s.postgresql.pg_hba.push_back("local all all trust # " + text + ".");
    }
    if (dice.coin()) {
        s.postgresql.synchronous =
            SynchronousSettings{SyncMethod::first, dice.number(1, 9), DataDurability::preferred, {"a"}};
    }
    if (dice.coin()) random_archive(dice, s);
    s.shutdown.timeout = dice.duration(10, 80'000);
    s.shutdown.smart_timeout = dice.duration(0, 9);
    s.restart.intensity = dice.number(0, 1000);
    s.probes.startup = dice.one_of({StartupStrategy::started, StartupStrategy::streaming, StartupStrategy::query});
    if (dice.coin()) s.probes.max_lag_bytes = static_cast<std::uint64_t>(dice.number(0, 1 << 30));
    if (dice.coin()) s.http.token_file = dice.path();
    if (dice.coin()) s.metrics.queries_files = {dice.path(), dice.path()};
    s.metrics.cache_time = dice.duration(0, 3600);
    s.log.format = dice.one_of({LogFormat::json, LogFormat::text});
    return s;
}

}  // namespace

TEST_CASE("what is shown reads as the same settings") {
    Dice dice(pgbosun::test::seed());
    for (int round = 0; round < 200; ++round) {
        const auto settings = random_settings(dice);
        const auto text = settings_text(settings);
        CAPTURE(round, text);

        const auto read = read_settings(text, "shown", environment());

        for (const auto& finding : read.findings) UNSCOPED_INFO(to_text(finding));
        REQUIRE(read.usable());
        for (const auto& key : settings_keys()) {
            if (!applies(key.path, settings)) continue;
            CAPTURE(key.path);
            REQUIRE(applies(key.path, read.settings));
            REQUIRE(key.show(read.settings) == key.show(settings));
        }
        REQUIRE(settings_text(read.settings) == text);
    }
}

TEST_CASE("settings are shown in sections, with quotes where YAML wants them") {
    auto settings =
        read_settings("volume: /data\npostgresql: {parameters: {a.b: \"x: y\"}, pg_hba: [\"local all all trust\"]}\n",
                      "f", environment())
            .settings;

    CHECK_THAT(settings_text(settings),
               Catch::Matchers::StartsWith("cluster: pgbosun\ninstance: pg-1\nvolume: /data\nmode: standalone\n"));
    CHECK_THAT(
        settings_text(settings),
        pgbosun::app::test::containing(
            "  parameters:\n    a.b: \"x: y\"\n  pg_hba:\n    - \"local all all trust\"\n  replication:\n    user: "));
}

TEST_CASE("a password that got into a connection string all the same is not shown") {
    Settings settings;
    settings.bootstrap.join = JoinSettings{"host=a password=secret", {}, ""};

    CHECK_THAT(settings_text(settings), pgbosun::app::test::containing("primary_conninfo: \"host=a password=***\""));
}

TEST_CASE("what a variable held is not shown, but the variable") {
    const auto surroundings = environment({{"SECRET", "hush"}});
    const std::string file =
        "volume: /data\ninstance: pg-${NUMBER:-7}\n"
        "bootstrap: {initdb: {post_init_sql: [\"alter role app password '${SECRET}'\", \"select '$${x}'\"]}}\n"
        "postgresql: {parameters: {application_name: \"a ${SECRET}\"}}\n";

    const auto read = read_settings(file, "f", surroundings);

    REQUIRE(read.usable());
    const auto text = settings_text(read.settings, read.expanded);
    CHECK(text.find("hush") == std::string::npos);
    CHECK_THAT(text, pgbosun::app::test::containing("- \"alter role app password '${SECRET}'\""));
    CHECK_THAT(text, pgbosun::app::test::containing("- \"select '$${x}'\""));
    CHECK_THAT(text, pgbosun::app::test::containing("application_name: \"a ${SECRET}\""));
    CHECK_THAT(text, pgbosun::app::test::containing("instance: \"pg-${NUMBER:-7}\""));
    const auto again = read_settings(text, "f", surroundings);
    REQUIRE(again.usable());
    CHECK(settings_text(again.settings) == settings_text(read.settings));
}
