#pragma once
// A word on the command line where a command should stand, and which one was probably meant.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

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

}  // namespace pgbosun::app
