#include "app/unknown_command.hpp"

#include <algorithm>
#include <array>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "app/key_suggestion.hpp"

namespace pgbosun::app {
namespace {

constexpr std::size_t longest_quoted = 100;

// What others call what is asked for here.
struct Elsewhere {
    std::string_view word, here;
};
constexpr std::array elsewhere{Elsewhere{"reinit", "pgbosun reclone"},
                               Elsewhere{"reinitialize", "pgbosun reclone"},
                               Elsewhere{"switchover", "pgbosun-controller switchover"},
                               Elsewhere{"failover", "pgbosun-controller failover"},
                               Elsewhere{"pause", "pgbosun-controller pause"},
                               Elsewhere{"resume", "pgbosun-controller resume"}};

// How far CLI11 came: the last command that it knew.
const CLI::App& reached(const CLI::App& app) {
    const CLI::App* at = &app;
    while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
    return *at;
}

std::vector<std::string> commands_of(const CLI::App& app) {
    std::vector<std::string> names;
    // One without a group is hidden: no person types it. One without a name is a group of options.
    const auto shown = [](const CLI::App* sub) { return !sub->get_name().empty() && !sub->get_group().empty(); };
    for (const auto* sub : app.get_subcommands(shown)) names.push_back(sub->get_name());
    return names;
}

}  // namespace

std::string unknown_command(std::string_view word, std::string_view of, const std::vector<std::string>& known) {
    std::string text = "\"" + std::string(word.substr(0, longest_quoted)) + "\" is not a command";
    if (!of.empty()) text.append(" of ").append(of);
    const auto other = std::ranges::find(elsewhere, word, &Elsewhere::word);
    if (of.empty() && other != elsewhere.end()) {
        text.append("; that is \"").append(other->here).append("\"");
    } else if (const auto meant = suggest_among(word, known)) {
        text.append("; did you mean \"").append(*meant).append("\"?");
    }
    return text;
}

std::optional<std::string> explain_unknown_command(const CLI::App& refused, const std::vector<MoreCommands>& more) {
    const CLI::App& last = reached(refused);
    const std::string of = &last == &refused ? std::string() : last.get_name();
    auto known = commands_of(last);
    for (const auto& [whose, name] : more) {
        if (whose == of) known.push_back(name);
    }
    const auto left = last.remaining();
    if (known.empty() || left.empty() || left.front().starts_with('-')) return std::nullopt;
    return unknown_command(left.front(), of, known);
}

std::string explain_refused_line(const CLI::App& refused, const CLI::ParseError& problem) {
    const auto left = reached(refused).remaining();
    const bool too_much = problem.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError);
    if (!too_much || left.empty()) return problem.what();
    std::string text = "this command does not take";
    for (const auto& word : left) text.append(" ").append(word.substr(0, longest_quoted));
    return text;
}

std::string explain_refused_archive_line(const CLI::App& refused, const CLI::ParseError& problem) {
    constexpr std::array<std::string_view, 6> of_clients = {"--socket",  "--url",       "--token-file",
                                                            "--ca-file", "--cert-file", "--key-file"};
    for (const auto& word : refused.remaining()) {
        const auto option = std::string_view(word).substr(0, word.find('='));
        if (std::ranges::find(of_clients, option) == of_clients.end()) continue;
        return "this command reads the archive itself: it takes --config FILE, not " + std::string(option);
    }
    return explain_refused_line(refused, problem);
}

}  // namespace pgbosun::app
