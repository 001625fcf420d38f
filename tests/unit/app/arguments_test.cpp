#include "app/arguments.hpp"

#include "app/controller_arguments.hpp"
#include "containing.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::app;
using namespace std::chrono_literals;

namespace {

using Line = std::vector<std::string>;

template <class Command>
Command parsed(const Line& line) {
    const auto result = parse_arguments(line);
    if (const auto* end = std::get_if<UsageEnd>(&result)) FAIL(end->text);
    REQUIRE(std::holds_alternative<Command>(std::get<AnyCommand>(result)));
    return std::get<Command>(std::get<AnyCommand>(result));
}

UsageEnd ended(const Line& line) {
    const auto result = parse_arguments(line);
    REQUIRE(std::holds_alternative<UsageEnd>(result));
    return std::get<UsageEnd>(result);
}

}  // namespace

TEST_CASE("every command is understood") {
    CHECK(parsed<RunCommand>({"run"}) == RunCommand{});
    CHECK(parsed<RunCommand>({"run", "--config", "/a.yaml"}) == RunCommand{"/a.yaml"});
    CHECK(parsed<ConfigCheckCommand>({"config", "check", "--config=a.yaml"}) == ConfigCheckCommand{"a.yaml"});
    CHECK(parsed<ArchiverCommand>({"archiver", "--config", "a"}) == ArchiverCommand{"a"});
    CHECK(parsed<VersionCommand>({"version"}) == VersionCommand{});
    CHECK(parsed<VersionCommand>({"--version"}) == VersionCommand{});
    CHECK(parsed<StatusCommand>({"status"}) == StatusCommand{});
    CHECK(parsed<StatusCommand>({"status", "--json"}).format == StatusFormat::json);
    CHECK(parsed<StatusCommand>({"status", "--watch"}).repetition == Repetition::until_interrupted);
    const auto journal = parsed<JournalCommand>({"journal", "--follow", "--since", "7"});
    CHECK(journal.repetition == Repetition::until_interrupted);
    CHECK(journal.since == 7);
}

TEST_CASE("every verb is a command of its own") {
    const auto [name, verb] = GENERATE(table<std::string, Verb>({
        {"fence", Verb::fence},
        {"unfence", Verb::unfence},
        {"restart", Verb::restart},
        {"reload", Verb::reload},
        {"checkpoint", Verb::checkpoint},
        {"promote", Verb::promote},
        {"demote", Verb::demote},
        {"reclone", Verb::reclone},
    }));
    const auto command = parsed<ControlCommand>({name, "--reason", "a test", "--wait", "5min", "--socket", "/s"});

    CHECK(command.verb == verb);
    CHECK(command.reason == "a test");
    CHECK(command.wait == 5min);
    CHECK(command.where.socket == "/s");
    CHECK_FALSE(command.force);
}

TEST_CASE("promote may be forced, demote may name whom to follow") {
    CHECK(parsed<ControlCommand>({"promote", "--force"}).force);
    CHECK(parsed<ControlCommand>({"demote", "--upstream", "host=pg-2"}).upstream == "host=pg-2");
    CHECK(parsed<ControlCommand>({"fence"}).wait == 60s);
}

TEST_CASE("an instance elsewhere is named by its address") {
    const auto where =
        parsed<StatusCommand>({"status", "--url", "https://a:1", "--token-file", "/t", "--ca-file", "/c"}).where;

    CHECK(where.url == "https://a:1");
    CHECK(where.token_file == "/t");
    CHECK(where.ca_file == "/c");
}

TEST_CASE("a wrong line is refused with exit code 2") {
    const auto line = GENERATE(values<Line>({
        {},
        {"walk"},
        {"run", "x"},
        {"run", "--config"},
        {"config"},
        {"config", "chekc"},
        {"status", "--json", "--watch"},
        {"status", "--socket", "/s", "--url", "http://a"},
        {"status", "--token-file", "/t"},
        {"fence", "--force"},
        {"promote", "--upstream", "host=a"},
        {"fence", "--wait", "5"},
        {"fence", "--wait", "2d"},
        {"demote", "--upstream", "host=a password=b"},
        {"journal", "--since", "x"},
        {"--frobnicate"},
    }));
    CAPTURE(line);
    const auto end = ended(line);

    CHECK(end.code == ExitCode::wrong_usage);
    CHECK_THAT(end.text, Catch::Matchers::StartsWith("pgbosun: "));
}

TEST_CASE("a word that is no command is named, with the command that was meant") {
    const auto [line, said] = GENERATE(table<Line, std::string>({
        {Line{"bogus"}, "\"bogus\" is not a command\n"},
        {Line{"fense", "--reason", "x"}, "\"fense\" is not a command; did you mean \"fence\"?"},
        {Line{"reinit", "pg-2"}, "\"reinit\" is not a command; that is \"pgbosun reclone\""},
        {Line{"switchover"}, "\"switchover\" is not a command; that is \"pgbosun-controller switchover\""},
        {Line{"config", "chek"}, "\"chek\" is not a command of config; did you mean \"check\"?"},
        {Line{"backup", "lst"}, "\"lst\" is not a command of backup; did you mean \"list\"?"},
        {Line{"backup", "--config", "/c", "lst"}, "\"lst\" is not a command of backup; did you mean \"list\"?"},
        {Line{"wal", "verfy"}, "\"verfy\" is not a command of wal; did you mean \"verify\"?"},
        {Line{"archivr"}, "\"archivr\" is not a command\n"},
        {Line{}, "a command is missing"},
    }));
    CAPTURE(line);
    const auto end = ended(line);

    CHECK(end.code == ExitCode::wrong_usage);
    CHECK_THAT(end.text, Catch::Matchers::StartsWith("pgbosun: " + said));
}

TEST_CASE("a wrong option is not taken for a command") {
    for (const auto& line : {Line{"status", "--jsn"}, Line{"fence", "--wait", "soon"}, Line{"--frobnicate"}}) {
        CHECK_THAT(ended(line).text, !pgbosun::app::test::containing("is not a command"));
    }
}

TEST_CASE("the controller's program names a wrong word too") {
    const auto result = parse_controller_arguments(Line{"swichover", "--to", "pg-2"});

    REQUIRE(std::holds_alternative<UsageEnd>(result));
    CHECK_THAT(std::get<UsageEnd>(result).text,
               Catch::Matchers::StartsWith(
                   "pgbosun-controller: \"swichover\" is not a command; did you mean \"switchover\"?"));
}

TEST_CASE("a password on the command line is refused and not repeated") {
    CHECK_THAT(ended({"demote", "--upstream", "host=a password=secret"}).text,
               !pgbosun::app::test::containing("secret"));
}

TEST_CASE("words that nothing takes are named in their order") {
    CHECK_THAT(ended({"status", "--colour", "red"}).text, test::containing("does not take --colour red\n"));
    CHECK_THAT(ended({"status", "--json", "--watch"}).text, test::containing("excludes"));
}

TEST_CASE("what needs the store becomes the archiver's program, with the rest of the line as it is") {
    CHECK(parsed<StoreCommand>({"backup", "list", "--config", "/c"}).arguments ==
          Line{"catalog", "list", "--config", "/c"});
    CHECK(parsed<StoreCommand>({"backup", "verify", "latest"}).arguments == Line{"verify", "latest"});
    CHECK(parsed<StoreCommand>({"restore", "--target", "/x", "--help"}).arguments ==
          Line{"restore", "--target", "/x", "--help"});
    CHECK(parsed<StoreCommand>({"wal", "verify"}).arguments == Line{"wal", "verify"});
    CHECK(parsed<StoreCommand>({"drill", "--check", "SELECT 1"}).arguments == Line{"drill", "--check", "SELECT 1"});
    CHECK(ended({"wal"}).code == ExitCode::wrong_usage);
    CHECK(ended({"wal", "eat"}).code == ExitCode::wrong_usage);
    CHECK(ended({"backup", "lists"}).code == ExitCode::wrong_usage);
}

TEST_CASE("a backup is asked of the instance") {
    const auto plain = parsed<BackupCommand>({"backup"});
    CHECK(plain.repetition == Repetition::once);
    CHECK_FALSE(plain.incremental);
    const auto full = parsed<BackupCommand>({"backup", "--wait", "--name", "x", "--incremental", "--socket", "/s"});
    CHECK(full.repetition == Repetition::until_interrupted);
    CHECK(full.name == "x");
    CHECK(full.incremental == true);
    CHECK(full.where.socket == "/s");
    CHECK(parsed<BackupCommand>({"backup", "--full"}).incremental == false);
    CHECK(ended({"backup", "--full", "--incremental"}).code == ExitCode::wrong_usage);
    CHECK(parsed<CancelBackupCommand>({"backup", "cancel", "--socket", "/s"}).where.socket == "/s");
    CHECK(ended({"backup", "cancel", "--full"}).code == ExitCode::wrong_usage);
}

TEST_CASE("help explains, with examples, and hides what no person types") {
    const auto help = ended({"--help"});
    CHECK(help.code == ExitCode::done);
    CHECK_THAT(help.text, pgbosun::app::test::containing("pgbosun status --watch"));
    CHECK_THAT(help.text, pgbosun::app::test::containing("Exit codes"));
    CHECK_THAT(help.text, !pgbosun::app::test::containing("archiver"));
    CHECK_THAT(ended({"promote", "--help"}).text, pgbosun::app::test::containing("pgbosun promote [OPTIONS]"));
    CHECK_THAT(ended({"promote", "--help"}).text, pgbosun::app::test::containing("pgbosun promote --force"));
    CHECK_THAT(ended({"config", "check", "--help"}).text,
               pgbosun::app::test::containing("pgbosun config check --config"));
}
