// `pgbosun-archiver linked-data`: what a data directory has outside of itself is emptied, moved aside or removed, for a clone
// that is to take its place. `pgbosun run` starts it.

#include <sys/stat.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "app/archiver_program.hpp"
#include "app/job_output.hpp"
#include "backup/linked_data.hpp"

namespace pgbosun::app {
namespace {

struct Deed {
    std::string_view name;
    Result<> (*perform)(const backup::LinkedData& data);
    std::string_view done;
};

constexpr std::array deeds = {
    Deed{"empty", backup::empty_linked, "the tablespaces are emptied"},
    Deed{"set-aside", backup::set_linked_aside, "tablespaces and WAL are set aside"},
    Deed{"remove-kept", backup::remove_linked_aside, "tablespaces and WAL that were set aside are removed"},
};

struct Options {
    std::string config;  // as each command has it: of no use here
    std::string deed;
    std::string directory;
    int server_major = 0;
    std::optional<std::string> wal_directory;
    std::string report = "text";
};

std::optional<ExitCode> parse(Arguments arguments, Options& options) {
    CLI::App line("What a data directory has outside of itself; started by pgbosun run.",
                  "pgbosun-archiver linked-data");
    line.add_option("deed", options.deed, "empty, set-aside or remove-kept")->required();
    line.add_option("--directory", options.directory, "the data directory")->type_name("DIR")->required();
    line.add_option("--server-major", options.server_major, "PostgreSQL's version of the data")->required();
    line.add_option("--wal-directory", options.wal_directory, "where a clone will have its WAL")->type_name("DIR");
    line.add_option("--config", options.config, "not read")->type_name("FILE");
    line.add_option("--report", options.report, "text or json");
    return parse_command_line(line, arguments);
}

}  // namespace

ExitCode linked_data_command(Arguments arguments) {
    Options options;
    if (const auto end = parse(arguments, options)) return *end;
    const auto format = parse_job_format(options.report);
    const auto deed = std::ranges::find(deeds, std::string_view(options.deed), &Deed::name);
    if (!format || deed == deeds.end()) return ExitCode::wrong_usage;
    ::umask(077);
    JobOutput output(*format);
    const backup::LinkedData data{options.directory, options.server_major, options.wal_directory};
    const auto performed = deed->perform(data);
    JobResult result;
    result.done = performed.has_value();
    result.detail = performed ? std::string(deed->done) : performed.error().what;
    if (!performed) result.hint = performed.error().hint;
    output.result(result);
    if (performed) return ExitCode::done;
    return performed.error().kind == FaultKind::refused ? ExitCode::refused : ExitCode::failed;
}

}  // namespace pgbosun::app
