#include "app/arguments.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "app/conninfo.hpp"
#include "app/unknown_command.hpp"
#include "app/value_text.hpp"

namespace pgbosun::app {
namespace {

constexpr auto overview = "pgbosun runs one PostgreSQL inside one container, and answers for it.";
constexpr auto examples = R"(Examples:
  pgbosun run                                    a standalone instance below ./pgbosun-data
  pgbosun run --config /etc/pgbosun.yaml         the entry point of a container
  pgbosun config check --config /etc/pgbosun.yaml
  pgbosun status --watch
  pgbosun fence --reason "disk is being replaced"
  pgbosun backup --wait                          take a base backup; pgbosun backup --help for the rest
  pgbosun restore --target DIR --to-time "2026-01-30 10:00:00+00"
  pgbosun status --url https://pg-1:8008

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 refused now, 4 nobody answers.
Client commands ask the instance at --socket, else $PGBOSUN_SOCKET, else the socket of --config, else
./pgbosun-data/run/control.sock, else /run/pgbosun/control.sock; with --url they ask over TCP.)";

// Commands that need the store, as the archiver's program calls them.
struct StoreWords {
    std::vector<std::string> said;
    std::vector<std::string> called;
};
const std::vector<StoreWords>& store_words() {
    static const std::vector<StoreWords> words = {
        {{"backup", "list"}, {"catalog", "list"}},
        {{"backup", "show"}, {"catalog", "show"}},
        {{"backup", "delete"}, {"catalog", "delete"}},
        {{"backup", "keep"}, {"catalog", "keep"}},
        {{"backup", "expire"}, {"catalog", "expire"}},
        {{"backup", "verify"}, {"verify"}},
        {{"restore"}, {"restore"}},
        {{"wal", "list"}, {"wal", "list"}},
        {{"wal", "verify"}, {"wal", "verify"}},
        {{"drill"}, {"drill"}},
    };
    return words;
}

// The process becomes the archiver's program, with the rest of the line as it is. None: it is no such command.
std::optional<StoreCommand> store_command(std::span<const std::string> arguments) {
    for (const auto& [said, called] : store_words()) {
        if (arguments.size() < said.size() || !std::ranges::equal(arguments.first(said.size()), said)) continue;
        StoreCommand command{called};
        const auto rest = arguments.subspan(said.size());
        command.arguments.insert(command.arguments.end(), rest.begin(), rest.end());
        return command;
    }
    return std::nullopt;
}

// Those of two words, which CLI11 does not know.
std::vector<MoreCommands> said_to_the_store() {
    std::vector<MoreCommands> more;
    for (const auto& [said, called] : store_words()) {
        if (said.size() == 2) more.push_back({said[0], said[1]});
    }
    return more;
}

constexpr auto backup_help =
    R"(Without a subcommand the instance takes a backup now (POST /v1/backups); "pgbosun backup cancel" ends it. The
others look into the archive themselves and need no instance; each has --help:
  pgbosun backup list                            all backups, with what can be recovered
  pgbosun backup show ID                         one of them
  pgbosun backup verify ID                       reads it and its WAL back, and checks everything
  pgbosun backup keep ID                         it never expires
  pgbosun backup delete ID
  pgbosun backup expire [--dry-run]              by archive.retention
ID is an identifier, a name, "latest" or "oldest".

Examples:
  pgbosun backup --wait --name before-migration
  pgbosun backup list --config /etc/pgbosun.yaml)";

struct VerbHelp {
    Verb verb;
    const char* name;
    const char* help;
    const char* example;
};
constexpr std::array<VerbHelp, 8> verb_help = {{
    {Verb::fence, "fence", "stop PostgreSQL and keep it stopped, across restarts too",
     "Example:\n  pgbosun fence --reason \"storage moves\""},
    {Verb::unfence, "unfence", "let a fenced PostgreSQL start again", "Example:\n  pgbosun unfence"},
    {Verb::restart, "restart", "restart PostgreSQL (fast shutdown)", "Example:\n  pgbosun restart --wait 5min"},
    {Verb::reload, "reload", "read the configuration again", "Example:\n  pgbosun reload"},
    {Verb::checkpoint, "checkpoint", "run a checkpoint now", "Example:\n  pgbosun checkpoint"},
    {Verb::promote, "promote", "make this standby the primary",
     "Example:\n  pgbosun promote\n  pgbosun promote --force    although commits may be lost"},
    {Verb::demote, "demote", "make this primary a standby",
     "Example:\n  pgbosun demote --upstream \"host=pg-2 port=5432\""},
    {Verb::reclone, "reclone", "replace this standby's data with a new clone (of an instance with a controller)",
     "What it has is kept beside the clone until that streams.\n\nExample:\n"
     "  pgbosun reclone --reason \"an index is damaged\" --wait 1h"},
}};

// Everything that CLI11 writes into while it parses; must not move.
struct Parsing {
    std::optional<std::string> config;
    Whereabouts where;
    std::string reason, wait, upstream;
    bool json = false, watch = false, follow = false, force = false;
    std::string name;
    bool wait_for_end = false, incremental = false, full = false;
    std::uint64_t since = 0;
    std::optional<AnyCommand> command;
    std::string problem;  // found after CLI11 was content
};

void config_option(CLI::App& app, std::optional<std::string>& config) {
    app.add_option("--config", config, "configuration file (else $PGBOSUN_CONFIG, else the embedded default)")
        ->type_name("FILE");
}

void where_options(CLI::App& app, Whereabouts& where) {
    auto* socket = app.add_option("--socket", where.socket, "the instance's Unix socket")->type_name("PATH");
    auto* url = app.add_option("--url", where.url, "the instance's address, such as https://pg-1:8008");
    url->type_name("URL")->excludes(socket);
    app.add_option("--token-file", where.token_file, "file with the bearer token for --url")
        ->type_name("FILE")
        ->needs(url);
    app.add_option("--ca-file", where.ca_file, "certificates (PEM) to trust for --url")->type_name("FILE")->needs(url);
    auto* certificate =
        app.add_option("--cert-file", where.cert_file, "client certificate (PEM) for --url, in place of a token");
    auto* key = app.add_option("--key-file", where.key_file, "its key (PEM)")->type_name("FILE")->needs(certificate);
    certificate->type_name("FILE")->needs(url)->needs(key);
    app.add_option("--config", where.config, "configuration file whose run_dir has the socket")->type_name("FILE");
}

std::optional<Duration> wait_of(Parsing& parsing) {
    if (parsing.wait.empty()) return ControlCommand{}.wait;
    const auto wait = parse_duration(parsing.wait);
    if (!wait) {
        parsing.problem = "--wait: " + wait.error().text();
        return std::nullopt;
    }
    if (*wait > std::chrono::hours(24)) {
        parsing.problem = "--wait: at most 1d";
        return std::nullopt;
    }
    return *wait;
}

void finish_control(Parsing& parsing, Verb verb) {
    if (!parsing.upstream.empty()) {
        if (const auto good = check_conninfo(parsing.upstream); !good) {
            parsing.problem = "--upstream: " + good.error().text();
            return;
        }
    }
    if (const auto wait = wait_of(parsing)) {
        parsing.command = ControlCommand{parsing.where, verb, parsing.reason, parsing.force, parsing.upstream, *wait};
    }
}

void add_control(CLI::App& app, Parsing& parsing) {
    for (const auto& help : verb_help) {
        auto* sub = app.add_subcommand(help.name, help.help);
        sub->footer(help.example);
        where_options(*sub, parsing.where);
        sub->add_option("--wait", parsing.wait, "how long to wait for the end of it (default 1min; 0 does not wait)")
            ->type_name("TIME");
        sub->add_option("--reason", parsing.reason, "why: is kept in the journal")->type_name("TEXT");
        if (help.verb == Verb::promote)
            sub->add_flag("--force", parsing.force,
                          "although commits may be lost; nothing refuses a standalone promotion for that");
        if (help.verb == Verb::demote) {
            sub->add_option("--upstream", parsing.upstream, "connection string of the primary to follow, no password")
                ->type_name("CONNINFO");
            sub->add_flag("--force", parsing.force, "although the upstream does not answer");
        }
        sub->callback([&parsing, verb = help.verb] { finish_control(parsing, verb); });
    }
}

void add_run_and_config(CLI::App& app, Parsing& parsing) {
    auto* run = app.add_subcommand("run", "run the instance, as PID 1 or not");
    run->footer("Example:\n  pgbosun run --config /etc/pgbosun.yaml");
    config_option(*run, parsing.config);
    run->callback([&parsing] { parsing.command = RunCommand{parsing.config}; });

    auto* config = app.add_subcommand("config", "look at the configuration");
    config->require_subcommand(1);
    auto* check = config->add_subcommand("check", "show everything that is wrong with it, and what it comes to");
    check->footer("Example:\n  pgbosun config check --config /etc/pgbosun.yaml");
    config_option(*check, parsing.config);
    check->callback([&parsing] { parsing.command = ConfigCheckCommand{parsing.config}; });

    auto* archiver = app.add_subcommand("archiver", "started by `pgbosun run`");
    archiver->group("");
    config_option(*archiver, parsing.config);
    archiver->callback([&parsing] { parsing.command = ArchiverCommand{parsing.config}; });
}

void add_questions(CLI::App& app, Parsing& parsing) {
    auto* status = app.add_subcommand("status", "what a person wants to know first");
    status->footer("Examples:\n  pgbosun status\n  pgbosun status --json\n  pgbosun status --watch");
    where_options(*status, parsing.where);
    auto* json = status->add_flag("--json", parsing.json, "the whole state, as /v1/status answers it");
    status->add_flag("--watch", parsing.watch, "again each second, until interrupted")->excludes(json);
    status->callback([&parsing] {
        parsing.command = StatusCommand{parsing.where, parsing.json ? StatusFormat::json : StatusFormat::text,
                                        parsing.watch ? Repetition::until_interrupted : Repetition::once};
    });

    auto* journal = app.add_subcommand("journal", "what happened and why");
    journal->footer("Examples:\n  pgbosun journal\n  pgbosun journal --follow");
    where_options(*journal, parsing.where);
    journal->add_flag("--follow", parsing.follow, "go on with what happens next, until interrupted");
    journal->add_option("--since", parsing.since, "only entries after this one")->type_name("ID");
    journal->callback([&parsing] {
        parsing.command = JournalCommand{
            parsing.where, parsing.follow ? Repetition::until_interrupted : Repetition::once, parsing.since};
    });

    auto* version = app.add_subcommand("version", "print the version");
    version->callback([&parsing] { parsing.command = VersionCommand{}; });
}

void add_backup(CLI::App& app, Parsing& parsing) {
    auto* backup = app.add_subcommand("backup", "take a base backup; list, show, verify, keep, delete, expire");
    backup->footer(backup_help);
    where_options(*backup, parsing.where);
    backup->add_flag("--wait", parsing.wait_for_end, "wait for its end, and show how far it is");
    backup->add_option("--name", parsing.name, "a name to find it by")->type_name("NAME");
    auto* incremental = backup->add_flag("--incremental", parsing.incremental, "only what changed (PostgreSQL 17 on)");
    backup->add_flag("--full", parsing.full, "all of it")->excludes(incremental);
    auto* cancel = backup->add_subcommand("cancel", "end the backup that is running");
    where_options(*cancel, parsing.where);
    backup->callback([&parsing, cancel] {
        if (cancel->parsed()) {
            parsing.command = CancelBackupCommand{parsing.where};
            return;
        }
        BackupCommand command{parsing.where, parsing.name, std::nullopt,
                              parsing.wait_for_end ? Repetition::until_interrupted : Repetition::once};
        if (parsing.incremental || parsing.full) command.incremental = parsing.incremental;
        parsing.command = std::move(command);
    });

    // Taken by store_command() before; here they are for --help, and for a line that lacks its subcommand.
    for (const auto& [name, help] : std::array<std::pair<const char*, const char*>, 3>{
             {{"restore", "make a data directory of a backup, recovered to any moment"},
              {"wal", "list and verify the archived WAL"},
              {"drill", "rehearse a recovery beside the live instance"}}}) {
        auto* sub = app.add_subcommand(name, help);
        sub->callback([&parsing, command = std::string(name)] {
            parsing.problem = "\"pgbosun " + command + "\" needs list or verify";
        });
    }
}

UsageEnd wrong(const std::string& what) {
    return {ExitCode::wrong_usage, "pgbosun: " + what + "\nTry \"pgbosun --help\".\n"};
}

}  // namespace

std::variant<AnyCommand, UsageEnd> parse_arguments(std::span<const std::string> arguments) {
    if (auto command = store_command(arguments)) return AnyCommand(std::move(*command));
    CLI::App app(overview, "pgbosun");
    app.footer(examples);
    app.require_subcommand(1);
    app.set_version_flag("--version", std::string("pgbosun ") + PGBOSUN_VERSION);
    Parsing parsing;
    add_run_and_config(app, parsing);
    add_questions(app, parsing);
    add_control(app, parsing);
    add_backup(app, parsing);
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    try {
        app.parse(std::move(reversed));
    } catch (const CLI::CallForHelp&) {
        return UsageEnd{ExitCode::done, app.help()};
    } catch (const CLI::CallForVersion&) {
        return AnyCommand(VersionCommand{});
    } catch (const CLI::ParseError& problem) {
        if (const auto unknown = explain_unknown_command(app, said_to_the_store())) return wrong(*unknown);
        return wrong(arguments.empty() ? "a command is missing" : explain_refused_line(app, problem));
    }
    if (!parsing.problem.empty()) return wrong(parsing.problem);
    if (!parsing.command) return wrong("a command is missing");
    return std::move(*parsing.command);
}

}  // namespace pgbosun::app
