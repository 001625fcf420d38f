#pragma once
// The configuration's text to checked settings, with everything that is wrong found at once. Pure: no file,
// no environment but the one passed in. Keys and their meaning: docs/configuration.md.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/environment_view.hpp"
#include "app/finding.hpp"
#include "app/settings_keys.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::app {

// A value in which ${NAME} stood: what the variable holds may be a secret.
struct ExpandedValue {
    std::string path;
    Item item;  // as it is in force
    std::string written;
};

struct ReadSettings {
    Settings settings;  // complete with defaults also when it is not usable; a bad value is left at its default
    std::vector<Finding> findings;     // in the order of the lines
    std::map<std::string, int> lines;  // of each key that was given
    std::vector<ExpandedValue> expanded;
    std::string file;  // what findings call it

    [[nodiscard]] bool usable() const;  // no finding is an error
    // A finding at the line of `key`. Dropped when that key has an error already: one cause, one finding.
    void add(Severity severity, std::string_view key, std::string what, std::string hint);
};

struct ParameterObjection {
    std::string what;  // "archive_command is set by pgbosun"
    std::string hint;
};

// Asked for each entry of postgresql.parameters; an answer becomes an error.
using ParameterCheck =
    std::function<std::optional<ParameterObjection>(const std::string& name, const std::string& value)>;

// postgresql.bin_dir stays empty unless given: see app/binaries.hpp. settings.config_file is `file_name`.
ReadSettings read_settings(std::string_view yaml_text, std::string_view file_name, const EnvironmentView& environment,
                           const ParameterCheck& parameter_check = {});

// What runs without a configuration file: a standalone instance below ./pgbosun-data that archives to a
// directory there, with its sockets there too and HTTP on 127.0.0.1:8008.
ReadSettings embedded_settings(const EnvironmentView& environment);

}  // namespace pgbosun::app
