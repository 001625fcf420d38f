// `pgbosun-archiver wal-restore NAME PATH`: the restore_command of a directory that `pgbosun restore` made. It needs no
// archiver that runs. Whatever goes wrong ends with 255, which stops recovery: 1 would end it, and promote.

#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fstream>
#include <iterator>

#include "app/archiver_program.hpp"
#include "archive/single_fetch.hpp"
#include "pgbosun/log.hpp"
#include "postgres/control_data.hpp"

namespace pgbosun::app {
namespace {

constexpr auto stop_recovery = static_cast<ExitCode>(255);

bool exists(const char* path) { return ::access(path, F_OK) == 0; }

// The working directory is the data directory, when PostgreSQL asks.
archive::Purpose purpose_here() {
    if (!exists("PG_VERSION")) return archive::Purpose::recover;
    return archive::purpose_of(
        archive::RecoverySigns{exists("standby.signal"), exists("recovery.signal"), exists("postmaster.pid")});
}

archive::ExpectedWal expected_here() {
    std::ifstream file("global/pg_control", std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const auto control = postgres::parse_control_data(bytes);
    if (!control) return {};
    return {control->system_id, wal::SegmentSize::from_bytes(control->wal_segment_size)};
}

}  // namespace

ExitCode wal_restore_command(Arguments arguments) {
    std::optional<std::string> config;
    bool bootstrap = false;
    archive::SingleFetch wanted;
    CLI::App line("Fetches one WAL file from the archive, for restore_command.", "pgbosun-archiver wal-restore");
    line.add_option("--config", config, "configuration file")->type_name("FILE");
    line.add_flag("--bootstrap", bootstrap, "from the archive that bootstrap.recovery names");
    line.add_option("NAME", wanted.name, "%f")->required();
    line.add_option("PATH", wanted.path, "%p")->required();
    if (const auto end = parse_command_line(line, arguments)) return *end == ExitCode::done ? *end : stop_recovery;
    wanted.purpose = purpose_here();
    wanted.expected = expected_here();
    const auto settings = read_configuration(config);
    if (!settings) return stop_recovery;
    const auto& recovery = settings->bootstrap.recovery;
    const auto& source = bootstrap && recovery && recovery->source ? *recovery->source : *settings->archive;
    const auto store = open_archive(source, object_store::MissingRoot::wait);
    if (!store) return stop_recovery;
    return static_cast<ExitCode>(archive::fetch_single(*store, source.server_name, wanted, {}));
}

}  // namespace pgbosun::app
