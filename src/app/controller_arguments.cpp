#include "app/controller_arguments.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <utility>
#include <vector>

#include "app/conninfo.hpp"
#include "app/unknown_command.hpp"
#include "app/value_text.hpp"

namespace pgbosun::app {
namespace {

constexpr auto overview = "pgbosun-controller decides which instance of a cluster is its primary, and has it so.";
constexpr auto examples = R"(Examples:
  pgbosun-controller run --config /etc/pgbosun-controller.yaml
  pgbosun-controller status
  pgbosun-controller switchover --to pg-2 --token-file /etc/secrets/token
  pgbosun-controller pause

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 refused now, 4 nobody answers.
Client commands ask the controller at --url, else $PGBOSUN_CONTROLLER_URL, else http://127.0.0.1:8009; whichever leads is
found from there.)";

// Everything that CLI11 writes into while it parses; must not move.
struct Parsing {
    std::string config, to, source, lost;
    std::string wait = "1min";
    bool json = false, source_archive = false;
    ControllerWhereabouts where;
    std::optional<AnyControllerCommand> command;
    std::string problem;
};

struct VerbHelp {
    ControllerVerb verb;
    const char* name;
    const char* help;
};
constexpr std::array<VerbHelp, 6> verbs = {{
    {ControllerVerb::switchover, "switchover", "make another instance the primary, and lose nothing"},
    {ControllerVerb::failover, "failover", "make another instance the primary although commits may be lost"},
    {ControllerVerb::pause, "pause", "no failover by itself, until `resume`"},
    {ControllerVerb::resume, "resume", "failover by itself again"},
    {ControllerVerb::demote_cluster, "demote-cluster", "the whole cluster follows another one; its own primary stops"},
    {ControllerVerb::promote_cluster, "promote-cluster",
     "a cluster that follows another one gets a primary of its own"},
}};

void where_options(CLI::App& app, ControllerWhereabouts& where) {
    app.add_option("--url", where.url, "address of any controller of the cluster")->type_name("URL");
    app.add_option("--token-file", where.token_file, "file with the bearer token")->type_name("FILE");
    app.add_option("--ca-file", where.ca_file, "PEM file of who signed the controller's certificate")
        ->type_name("FILE");
}

void finish_verb(Parsing& parsing, ControllerVerb verb) {
    const auto wait = parse_duration(parsing.wait);
    if (!wait || *wait > std::chrono::hours(1)) {
        parsing.problem = "--wait: " + (wait ? "at most 1h" : wait.error().text());
        return;
    }
    if (verb == ControllerVerb::demote_cluster && parsing.source_archive) {
        parsing.source = archive_source;
    } else if (verb == ControllerVerb::demote_cluster) {
        if (parsing.source.empty()) {
            parsing.problem = "--source or --source-archive is needed";
            return;
        }
        if (const auto good = check_conninfo(parsing.source); !good) {
            parsing.problem = "--source: " + good.error().text();
            return;
        }
    }
    parsing.command = ControllerVerbCommand{parsing.where, verb, parsing.to, parsing.source, *wait, parsing.lost};
}

void add_verbs(CLI::App& app, Parsing& parsing) {
    for (const auto& help : verbs) {
        auto* sub = app.add_subcommand(help.name, help.help);
        where_options(*sub, parsing.where);
        sub->add_option("--wait", parsing.wait, "how long to wait for the end of it (default 1min; 0 does not wait)")
            ->type_name("TIME");
        if (help.verb == ControllerVerb::demote_cluster) {
            auto* source = sub->add_option("--source", parsing.source,
                                           "conninfo, without password, that leads to the other cluster's primary");
            source->type_name("CONNINFO");
            sub->add_flag("--source-archive", parsing.source_archive,
                          "without a connection: the archive that bootstrap.recovery.source of each instance names")
                ->excludes(source);
        }
        const bool names = help.verb == ControllerVerb::switchover || help.verb == ControllerVerb::failover ||
                           help.verb == ControllerVerb::promote_cluster;
        if (names) {
            auto* to = sub->add_option("--to", parsing.to, "the instance that is to be the primary")->type_name("NAME");
            if (help.verb == ControllerVerb::failover) to->required();
        }
        if (help.verb == ControllerVerb::failover) {
            sub->add_option("--lost", parsing.lost,
                            "it is stopped for good: you vouch for that, and nobody looks; several: pg-1,pg-2")
                ->type_name("NAME");
        }
        sub->callback([&parsing, verb = help.verb] { finish_verb(parsing, verb); });
    }
}

void add_others(CLI::App& app, Parsing& parsing) {
    auto* run = app.add_subcommand("run", "run the controller");
    run->add_option("--config", parsing.config, "the configuration's file")->type_name("FILE")->required();
    run->callback([&parsing] { parsing.command = RunControllerCommand{parsing.config}; });
    auto* status = app.add_subcommand("status", "the cluster as the controller sees it");
    where_options(*status, parsing.where);
    status->add_flag("--json", parsing.json, "as /v1/status answers it");
    status->callback([&parsing] {
        parsing.command =
            ControllerStatusCommand{parsing.where, parsing.json ? StatusFormat::json : StatusFormat::text};
    });
    app.add_subcommand("version", "print the version")->callback([&parsing] { parsing.command = VersionCommand{}; });
}

UsageEnd wrong(const std::string& what) {
    return {ExitCode::wrong_usage, "pgbosun-controller: " + what + "\nTry \"pgbosun-controller --help\".\n"};
}

}  // namespace

std::variant<AnyControllerCommand, UsageEnd> parse_controller_arguments(std::span<const std::string> arguments) {
    CLI::App app(overview, "pgbosun-controller");
    app.footer(examples);
    app.require_subcommand(1);
    app.set_version_flag("--version", std::string("pgbosun-controller ") + PGBOSUN_VERSION);
    Parsing parsing;
    add_others(app, parsing);
    add_verbs(app, parsing);
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    try {
        app.parse(std::move(reversed));
    } catch (const CLI::CallForHelp&) {
        return UsageEnd{ExitCode::done, app.help()};
    } catch (const CLI::CallForVersion&) {
        return AnyControllerCommand(VersionCommand{});
    } catch (const CLI::ParseError& problem) {
        if (const auto unknown = explain_unknown_command(app)) return wrong(*unknown);
        return wrong(arguments.empty() ? "a command is missing" : problem.what());
    }
    if (!parsing.problem.empty()) return wrong(parsing.problem);
    if (!parsing.command) return wrong("a command is missing");
    return std::move(*parsing.command);
}

}  // namespace pgbosun::app
