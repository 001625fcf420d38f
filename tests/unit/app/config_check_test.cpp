#include "app/config_check.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "app/configuration.hpp"
#include "app/posix_outside.hpp"
#include "containing.hpp"
#include "environment.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::app;
using test::containing;
using test::environment;
using test::PretendOutside;

namespace {

PretendOutside machine() {
    PretendOutside outside;
    outside.directory("/").directory("/data").directory("/run").directory("/readonly", 0500);
    for (const auto* program : {"postgres", "initdb", "pg_basebackup"}) {
        outside.file(std::string("/usr/lib/postgresql/15/bin/") + program, "", 0755);
    }
    return outside;
}

std::string checked(const std::string& yaml, PretendOutside outside) {
    outside.file("/pg.yaml", yaml);
    auto read = load_settings("/pg.yaml", environment(), outside);
    check_outside(read, environment(), outside);
    std::string text;
    for (const auto& finding : read.findings) text += to_text(finding) + "\n";
    return text;
}

// Removed at its end.
class Directory {
public:
    Directory() {
        std::string name = (std::filesystem::temp_directory_path() / "pgbosun-app-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~Directory() { std::filesystem::remove_all(path_); }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

}  // namespace

TEST_CASE("a configuration that fits the machine has no findings") {
    CHECK(checked("volume: /data\n", machine()).empty());
    CHECK(checked("volume: /data/not/there/yet\n", machine()).empty());
}

TEST_CASE("what the configuration names is looked at, and told with its line") {
    auto outside = machine();
    outside.file("/open", "x", 0644).file("/closed", "x", 0).directory("/dir").file("/cert", "x", 0644);
    const auto [line, complaint] = GENERATE(table<std::string, std::string>({
        {"bootstrap: {initdb: {password_file: /gone}}",
         "/pg.yaml:2: error: bootstrap.initdb.password_file: /gone is not there"},
        {"bootstrap: {initdb: {password_file: /closed}}", "/closed is not readable for this user"},
        {"bootstrap: {initdb: {password_file: /dir}}", "/dir is not a regular file"},
        {"bootstrap: {initdb: {password_file: /open}}",
         "warning: bootstrap.initdb.password_file: /open holds a secret and everybody may read it"},
        {"metrics: {queries: [/cert, /gone]}", "error: metrics.queries: /gone is not there"},
        {"run_dir: /readonly", "run_dir: /readonly is not writable for this user"},
        {"run_dir: /readonly/run", "is not there and cannot be created in /readonly"},
        {"run_dir: /open", "/open is not a directory"},
        {"archive: {destination: \"file:///readonly\"}", "archive.destination: /readonly is not writable"},
        {"postgresql: {bin_dir: /dir}", "/dir lacks postgres, initdb, pg_basebackup"},
        {"archive: {destination: \"s3://b\", credentials: {access_key_id_env: A, secret_access_key_env: B}}",
         "archive.credentials.access_key_id_env: A is not set here"},
    }));
    CAPTURE(line);
    CHECK_THAT(checked("volume: /data\n" + line + "\n", outside), pgbosun::app::test::containing(complaint));
}

TEST_CASE("a certificate may be read by everybody") {
    auto outside = machine();
    outside.file("/cert", "x", 0644).file("/key", "x", 0600);

    CHECK(checked("volume: /data\nhttp: {cert_file: /cert, key_file: /key}\n", outside).empty());
}

TEST_CASE("a machine without PostgreSQL is a finding") {
    PretendOutside bare;
    bare.directory("/").directory("/data").directory("/run");

    CHECK_THAT(checked("volume: /data\n", bare),
               pgbosun::app::test::containing("error: postgresql.bin_dir: no PostgreSQL server was found"));
}

TEST_CASE("a directory of PATH that has only some of the programs is passed over") {
    auto outside = machine();
    outside.file("/usr/local/bin/postgres", "", 0755);
    auto view = environment({{"PATH", "/usr/local/bin:/opt/pg/bin"}});

    auto read = embedded_settings(view);
    resolve_bin_dir(read, view, outside);
    CHECK(read.settings.postgresql.bin_dir == "/usr/lib/postgresql/15/bin");

    for (const auto* program : {"postgres", "initdb", "pg_basebackup"}) {
        outside.file(std::string("/opt/pg/bin/") + program, "", 0755);
    }
    read = embedded_settings(view);
    resolve_bin_dir(read, view, outside);
    CHECK(read.settings.postgresql.bin_dir == "/opt/pg/bin");
}

TEST_CASE("a configuration file that cannot be read is a finding") {
    const auto read = load_settings("/none.yaml", environment(), machine());

    REQUIRE(read.findings.size() == 1);
    CHECK_FALSE(read.usable());
    CHECK(to_text(read.findings[0]) ==
          "/none.yaml: error: cannot be read: No such file or directory (hint: name a file that this user "
          "may read in "
          "--config)");
}

TEST_CASE("the check prints findings first, then what the configuration comes to, and exits with 2 for an error") {
    std::ostringstream good;
    std::ostringstream bad;

    CHECK(print_check(read_settings("volume: /data\n", "f", environment()), good) == ExitCode::done);
    CHECK(print_check(read_settings("volume: data\n", "f", environment()), bad) == ExitCode::wrong_usage);

    CHECK_THAT(good.str(), Catch::Matchers::StartsWith("# the effective configuration\ncluster: pgbosun\n"));
    CHECK_THAT(bad.str(), Catch::Matchers::StartsWith("f:1: error: volume: "));
    CHECK_THAT(bad.str(),
               pgbosun::app::test::containing("\n\n# the effective configuration, with defaults for what is wrong\n"));
}

TEST_CASE("which file is read: the one given, else the one in the environment, else none") {
    const auto named = environment({{"PGBOSUN_CONFIG", "/env.yaml"}});

    CHECK(configuration_file("a/b.yaml", named) == "/home/anna/a/b.yaml");
    CHECK(configuration_file("/b.yaml", named) == "/b.yaml");
    CHECK(configuration_file({}, named) == "/env.yaml");
    CHECK(configuration_file({}, environment()) == std::nullopt);
    CHECK(configuration_file({}, environment({{"PGBOSUN_CONFIG", ""}})) == std::nullopt);
}

TEST_CASE("without a file an archive is looked into only where an instance has run without one") {
    auto outside = machine();
    const auto embedded = load_settings({}, environment(), outside).settings;

    CHECK_FALSE(has_run_here(embedded, outside));
    CHECK_FALSE(has_run_here(embedded, machine().file("/home/anna/pgbosun-data")));
    CHECK(has_run_here(embedded, machine().directory("/home/anna/pgbosun-data")));
}

TEST_CASE("the real file system answers as the pretended one does") {
    const Directory directory;
    const PosixOutside outside;
    std::ofstream(directory / "file") << "content";
    std::filesystem::create_symlink("file", directory / "link");
    REQUIRE(::mkfifo((directory / "fifo").c_str(), 0600) == 0);
    REQUIRE(::chmod((directory / "file").c_str(), 0644) == 0);

    CHECK(outside.read(directory / "link", 7).value() == "content");
    CHECK(outside.read(directory / "file", 6).error().kind == FaultKind::refused);
    CHECK(outside.read(directory / "fifo", 6).error().kind == FaultKind::refused);
    CHECK(outside.read(directory / "none", 6).error().kind == FaultKind::not_found);
    CHECK(outside.read(directory / "file/none", 6).error().kind == FaultKind::not_found);
    CHECK(outside.inspect(directory / "link")->type == FileType::regular);
    CHECK(outside.inspect(directory / "link")->mode == 0644);
    CHECK(outside.inspect(directory.path())->type == FileType::directory);
    CHECK_FALSE(outside.inspect(directory / "none"));
    CHECK(outside.may(Permission::read, directory / "file"));
    CHECK_FALSE(outside.may(Permission::execute, directory / "file"));
    CHECK(outside.list(directory.path()) == std::vector<std::string>{"fifo", "file", "link"});
    CHECK(outside.list(directory / "none").empty());
}

TEST_CASE("the environment of this process is seen") {
    const auto view = process_environment();

    CHECK(view.working_directory.starts_with('/'));
    CHECK_FALSE(view.hostname.empty());
    CHECK(view.variable("PATH").has_value());
    CHECK_FALSE(view.variable("PGBOSUN_NO_SUCH_VARIABLE"));
}

TEST_CASE("an encryption key that is none is a finding at its key, wherever it is named") {
    const std::string good(64, 'a');
    const std::string yaml =
        "volume: /data\nrun_dir: /run\npostgresql: {bin_dir: /usr/lib/postgresql/15/bin}\n"
        "archive:\n  destination: s3://b/p\n  encryption:\n    key_file: /key\n    older_key_files: [/old]\n";

    const auto with = [&](const std::string& key, const std::string& old) {
        return checked(yaml, machine().file("/key", key).file("/old", old));
    };

    CHECK(with(good, good + "\n").find("encryption") == std::string::npos);
    const auto wrong = with("hush", good);
    CHECK_THAT(wrong, containing("archive.encryption.key_file: /key holds no key of 32 bytes"));
    CHECK_THAT(wrong, containing("openssl rand -base64 32"));
    CHECK(wrong.find("hush") == std::string::npos);
    CHECK_THAT(with(good, good + "a"), containing("archive.encryption.older_key_files: /old holds no key of 32 bytes"));
}
