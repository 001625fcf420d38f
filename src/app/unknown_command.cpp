#include "app/unknown_command.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "app/key_suggestion.hpp"

namespace pgbosun::app {
namespace {

constexpr std::size_t longest_quoted = 100;

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
    if (const auto meant = suggest_among(word, known)) text.append("; did you mean \"").append(*meant).append("\"?");
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

}  // namespace pgbosun::app
