#include "app/configuration.hpp"

#include <algorithm>

#include "app/binaries.hpp"
#include "app/yaml_document.hpp"

namespace pgbosun::app {
namespace {

constexpr auto installed_below = "/usr/lib/postgresql";

BinaryPlaces look_around(const std::string& configured, const EnvironmentView& environment, const Outside& outside) {
    BinaryPlaces places;
    places.configured = configured;
    const auto has_postgres = [&](const std::string& directory) {
        return std::ranges::all_of(required_programs, [&](const char* program) {
            return outside.may(Permission::execute, directory + "/" + program);
        });
    };
    for (const auto& directory : path_directories(environment.variable("PATH").value_or(""))) {
        if (!has_postgres(directory)) continue;
        places.in_path = directory;
        break;
    }
    for (const auto& version : outside.list(installed_below)) {
        const auto directory = std::string(installed_below) + "/" + version + "/bin";
        if (has_postgres(directory)) places.installed.push_back(directory);
    }
    return places;
}

}  // namespace

std::optional<std::string> configuration_file(const std::optional<std::string>& given,
                                              const EnvironmentView& environment) {
    auto file = given;
    if (!file) file = environment.variable("PGBOSUN_CONFIG");
    if (!file || file->empty() || file->starts_with('/')) return file && file->empty() ? std::nullopt : file;
    return (environment.working_directory == "/" ? "" : environment.working_directory) + "/" + *file;
}

bool has_run_here(const Settings& embedded, const Outside& outside) {
    const auto volume = outside.inspect(embedded.volume);
    return volume && volume->type == FileType::directory;
}

ReadSettings load_settings(const std::optional<std::string>& file, const EnvironmentView& environment,
                           const Outside& outside, const ParameterCheck& parameter_check) {
    ReadSettings read;
    if (!file) {
        read = embedded_settings(environment);
    } else {
        const auto text = outside.read(*file, longest_document);
        if (!text) {
            read.file = *file;
            read.settings.config_file = *file;
            const auto hint =
                text.error().hint.empty() ? "name a file that this user may read in --config" : text.error().hint;
            read.findings.push_back(
                {Severity::error, *file, 0, "", "cannot be read: " + text.error().what.substr(file->size() + 2), hint});
            return read;
        }
        read = read_settings(*text, *file, environment, parameter_check);
    }
    resolve_bin_dir(read, environment, outside);
    return read;
}

log::Level log_level_of(const Settings& settings) {
    const std::string& name = settings.log.level;
    if (name == "debug") return log::Level::debug;
    if (name == "warning") return log::Level::warning;
    if (name == "error") return log::Level::error;
    return log::Level::info;
}

void resolve_bin_dir(ReadSettings& read, const EnvironmentView& environment, const Outside& outside) {
    auto chosen = choose_bin_dir(look_around(read.settings.postgresql.bin_dir, environment, outside));
    if (chosen) {
        read.settings.postgresql.bin_dir = std::move(*chosen);
    } else {
        read.add(Severity::error, "postgresql.bin_dir", chosen.error().what, chosen.error().hint);
    }
}

}  // namespace pgbosun::app
