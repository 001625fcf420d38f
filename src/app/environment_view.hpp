#pragma once
// What the process was started with, as a value: reading a configuration asks nothing else of the outside.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace pgbosun::app {

enum class StandardOutput { terminal, stream };
enum class StartedAs { root, ordinary_user };

struct EnvironmentView {
    std::function<std::optional<std::string>(std::string_view)> variable = [](std::string_view) {
        return std::optional<std::string>();
    };
    std::string hostname;  // stands in for an unset HOSTNAME, which shells do not export
    std::string working_directory = "/";
    StandardOutput output = StandardOutput::stream;
    StartedAs started_as = StartedAs::ordinary_user;
};

}  // namespace pgbosun::app
