#include "backup/recovery_settings.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;

namespace {

std::string value(const RecoveryParameters& parameters, std::string_view name) {
    for (const auto& [known, text] : parameters) {
        if (known == name) return text;
    }
    return "(not there)";
}

}  // namespace

TEST_CASE("recovery is told its one target, and that there is no other") {
    RecoveryTarget target;
    target.lsn = "0/3000148";
    target.inclusive = Inclusive::no;
    target.timeline = "3";

    const auto parameters = recovery_parameters(target, "fetch %f %p", AtTarget::promote);

    REQUIRE(parameters);
    CHECK(value(*parameters, "restore_command") == "fetch %f %p");
    CHECK(value(*parameters, "recovery_target_lsn") == "0/3000148");
    CHECK(value(*parameters, "recovery_target_inclusive") == "off");
    CHECK(value(*parameters, "recovery_target_timeline") == "3");
    CHECK(value(*parameters, "recovery_target_action") == "promote");
    CHECK(parameters->back().first == "recovery_target_lsn");  // else PostgreSQL sees two targets
    for (const auto* other : {"recovery_target", "recovery_target_time", "recovery_target_xid", "recovery_target_name",
                              "primary_conninfo", "recovery_end_command"}) {
        CHECK(value(*parameters, other).empty());
    }
}

TEST_CASE("a time is written as PostgreSQL reads it before it knows the abbreviations of zones") {
    const auto [written, told] = GENERATE(table<const char*, const char*>({
        {"2026-01-30 10:00:00+00", "2026-01-30 10:00:00+00:00"},
        {"2026-01-30T10:00:00Z", "2026-01-30 10:00:00+00:00"},
        {"2026-01-30T10:00:00z", "2026-01-30 10:00:00+00:00"},
        {"2026-01-30 10:00:00 UTC", "2026-01-30 10:00:00+00:00"},
        {"2026-01-30 10:00:00UTC", "2026-01-30 10:00:00+00:00"},
        {"2026-01-30 10:00:00 GMT", "2026-01-30 10:00:00+00:00"},
        {"2026-01-30 10:00:00GMT", "2026-01-30 10:00:00+00:00"},
        {"2026-01-30 10:00:00.123456-05:30", "2026-01-30 15:30:00.123456+00:00"},
        {"2026-01-30 10:00+0200", "2026-01-30 08:00:00+00:00"},
        {"2026-01-30 10:00:00.5 +01", "2026-01-30 09:00:00.500000+00:00"},
    }));
    CAPTURE(written);
    RecoveryTarget target;
    target.time = written;

    const auto parameters = recovery_parameters(target, "x", AtTarget::promote);

    REQUIRE(parameters);
    CHECK(value(*parameters, "recovery_target_time") == told);
}

TEST_CASE("a copy that is started by hand has nothing in common with its original") {
    const auto alone = parameters_of_a_copy("/srv/a, \"b\"", 5433);

    CHECK(value(alone, "archive_mode") == "off");
    CHECK(value(alone, "logging_collector") == "off");
    CHECK(value(alone, "log_destination") == "stderr");
    CHECK(value(alone, "listen_addresses").empty());
    CHECK(value(alone, "port") == "5433");
    CHECK(value(alone, "unix_socket_directories") == "\"/srv/a, \"\"b\"\"\"");
    CHECK(value(alone, "synchronous_standby_names").empty());
    CHECK(value(alone, "hot_standby") == "off");
    CHECK(value(alone, "max_logical_replication_workers") == "0");
    // 107 bytes with the longest name of a socket: "/.s.PGSQL.65535".
    const std::string longest = "/" + std::string(91, 'd');
    CHECK(socket_directory_of_a_copy(longest) == longest);
    CHECK(socket_directory_of_a_copy(longest + "d") == "/tmp");
}

TEST_CASE("a target that PostgreSQL would not take is refused with a hint") {
    const auto with = [](auto change) {
        RecoveryTarget target;
        change(target);
        return target;
    };
    const RecoveryTarget wrong[] = {
        with([](auto& t) { t.time = "yesterday"; }),
        with([](auto& t) { t.lsn = "x"; }),
        with([](auto& t) { t.xid = "12x"; }),
        with([](auto& t) { t.xid = "-1"; }),
        with([](auto& t) { t.name = ""; }),
        with([](auto& t) { t.name = std::string(64, 'x'); }),
        with([](auto& t) { t.timeline = "0"; }),
        with([](auto& t) { t.timeline = "newest"; }),
        with([](auto& t) { t.xid = "1", t.immediate = true; }),
        with([](auto& t) { t.xid = "1", t.name = "x"; }),
    };
    for (const auto& target : wrong) {
        const auto parameters = recovery_parameters(target, "x", AtTarget::promote);
        REQUIRE_FALSE(parameters);
        CHECK(parameters.error().kind == FaultKind::refused);
        CHECK_FALSE(parameters.error().hint.empty());
    }
}

TEST_CASE("parameters stand behind all others, quoted as PostgreSQL reads them") {
    CHECK(with_parameters("work_mem = '8MB'", {{"a", "it's \\ 1\n"}}) ==
          "work_mem = '8MB'\n# Recovery, as pgbosun restore was told:\na = 'it''s \\\\ 1\\n'\n");
}

TEST_CASE("a restore command survives a shell and PostgreSQL") {
    CHECK(command_line({"/opt/it's here/x", "--config", "/a%b"}) ==
          R"('/opt/it'\''s here/x' '--config' '/a%%b' %f "%p")");
}

TEST_CASE("what leads away from the restored directory becomes a comment, and nothing else changes") {
    const auto nothing = [](const std::string&) { return false; };
    CHECK(without_foreign_places(
              "data_directory = '/var/lib/postgresql/15/main'\nport = 5432\n  HBA_file '/etc/pg_hba.conf'\n"
              "ident_file='x'\n\texternal_pid_file = 'y'",
              nothing) ==
          "# pgbosun restore: data_directory = '/var/lib/postgresql/15/main'\nport = 5432\n"
          "# pgbosun restore:   HBA_file '/etc/pg_hba.conf'\n# pgbosun restore: ident_file='x'\n"
          "# pgbosun restore: \texternal_pid_file = 'y'");
    for (const char* same :
         {"", "\n\n", "#data_directory = 'x'\n", "data_directory_mode = 0700\n", "log_directory = 'log'\n",
          "include_if_exists 'conf.d/x'\n", "#include 'x'\n", "included = 'x'\n", "include_dirs 'x'"}) {
        CAPTURE(same);
        CHECK(without_foreign_places(same, nothing) == same);
    }
}

TEST_CASE("an include of what is not there becomes a comment, one of what is there stays") {
    std::vector<std::string> asked;
    const auto is_there = [&](const std::string& path) {
        asked.push_back(path);
        return path.ends_with("here");
    };

    CHECK(
        without_foreign_places("include_dir = 'conf.d'\t\t\t# Debian's\ninclude_dir='conf.here'\nInclude 'it''s \\'x'\n"
                               "include /etc/here# y\nINCLUDE_DIR\tconf.e\r\ninclude = 'open\ninclude",
                               is_there) ==
        "# pgbosun restore: include_dir = 'conf.d'\t\t\t# Debian's\ninclude_dir='conf.here'\n"
        "# pgbosun restore: Include 'it''s \\'x'\ninclude /etc/here# y\n# pgbosun restore: INCLUDE_DIR\tconf.e\r\n"
        "# pgbosun restore: include = 'open\n# pgbosun restore: include");
    CHECK(asked == std::vector<std::string>{"conf.d", "conf.here", "it's 'x", "/etc/here", "conf.e", "open\n", ""});
}
