#pragma once
// A word on the command line where a command should stand, and which one was probably meant.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace pgbosun::app {

// `"chek" is not a command of config; did you mean "check"?`. `of`: whose commands `known` are; empty: the program's.
std::string unknown_command(std::string_view word, std::string_view of, const std::vector<std::string>& known);

// More commands of `of`, for a program that takes some before CLI11 sees them.
struct MoreCommands {
    std::string of;
    std::string name;
};
// After CLI11 has refused a line: about its first word that is neither command nor option, where one should stand; none:
// something else was wrong.
std::optional<std::string> explain_unknown_command(const CLI::App& refused, const std::vector<MoreCommands>& more = {});

// What was wrong with a line that CLI11 has refused: words that nothing takes in their order, where CLI11 has them reversed.
std::string explain_refused_line(const CLI::App& refused, const CLI::ParseError& problem);

// The same, of a command that reads the archive itself and has no use for an instance's address.
std::string explain_refused_archive_line(const CLI::App& refused, const CLI::ParseError& problem);

}  // namespace pgbosun::app
