// `pgbosun-archiver left-behind`: archives what a former primary has still to archive, before its data follows another one,
// is rewound or replaced. What cannot be archived is kept in <volume>/pgbosun/unarchived; refused: not even that. `pgbosun run`
// starts it.

#include <sys/stat.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "app/archiver_program.hpp"
#include "app/job_output.hpp"
#include "archive/left_behind.hpp"
#include "pgbosun/log.hpp"
#include "postgres/control_data.hpp"

namespace pgbosun::app {
namespace {

constexpr int most_compressing = 32;

std::string unarchived(const Settings& settings) { return settings.state_directory() + "/unarchived"; }

struct Options {
    std::optional<std::string> config;
    std::uint32_t primary_timeline = 0;
    bool keep_only = false;
    std::string report = "text";
};

std::optional<ExitCode> parse(Arguments arguments, Options& options) {
    CLI::App line("Archives what a former primary has still to archive; started by pgbosun run.",
                  "pgbosun-archiver left-behind");
    line.add_option("--config", options.config, "configuration file")->type_name("FILE");
    line.add_option("--primary-timeline", options.primary_timeline, "only files of older timelines are archived")
        ->required()
        ->type_name("N");
    line.add_flag("--keep-only", options.keep_only, "archive nothing, keep all of it aside");
    line.add_option("--report", options.report, "text or json");
    return parse_command_line(line, arguments);
}

Result<archive::ClusterIdentity> cluster_in(const std::string& data_directory) {
    std::ifstream file(data_directory + "/global/pg_control", std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const auto control = postgres::parse_control_data(bytes);
    if (!control) return std::unexpected(control.error());
    const auto size = wal::SegmentSize::from_bytes(control->wal_segment_size);
    if (!size) return fail(FaultKind::corrupt, "pg_control has no size of segments");
    return archive::ClusterIdentity{control->system_id, *size};
}

archive::LeftBehindReport archive_all(const Settings& settings, Timeline of_primary,
                                      const std::vector<std::string>& names, JobOutput& output) {
    archive::LeftBehindReport none;
    const auto all_for = [&](const std::string& why) {
        for (const auto& name : names) none.not_archived.emplace(name, why);
        return std::move(none);
    };
    const auto cluster = cluster_in(settings.data_directory());
    if (!cluster) return all_for(cluster.error().what);
    const auto store = open_archive(*settings.archive, object_store::MissingRoot::wait);
    if (!store) return all_for("the archive cannot be opened");
    const auto& wal = settings.archive->wal;
    archive::LeftBehindOrder order{
        .data_directory = settings.data_directory(), .cluster = *cluster, .of_primary = of_primary};
    order.compressing = std::clamp(wal.max_parallel, 1, most_compressing);
    const archive::ArchiveTarget target{settings.archive->server_name, wal.compression, wal.level,
                                        settings.state_directory()};
    const std::uint64_t size = cluster->segment_size.bytes();
    return archive::archive_left_behind(*store, target, order, names, [&](std::size_t archived) {
        output.progress({{}, "archiving what only this instance has", archived * size, names.size() * size});
    });
}

struct Kept {
    std::size_t count = 0;
    std::vector<std::string> lost;  // name: why
};

Kept keep(const Settings& settings, const archive::LeftBehindReport& report) {
    Kept kept;
    for (const auto& [name, why] : report.not_archived) {
        const auto done = archive::keep_aside(settings.data_directory(), name, unarchived(settings));
        if (done) {
            ++kept.count;
        } else if (done.error().kind != FaultKind::not_found) {
            kept.lost.push_back(name + ": " + done.error().what);
        }
    }
    return kept;
}

std::string files(std::size_t count) { return std::to_string(count) + (count == 1 ? " file" : " files"); }

JobResult result_of(const Settings& settings, const archive::LeftBehindReport& report, const Kept& kept) {
    JobResult result;
    result.done = report.not_archived.empty();
    result.detail = files(report.archived) + " archived";
    if (result.done) return result;
    const auto& [name, why] = *report.not_archived.begin();
    result.detail += ", " + files(report.not_archived.size()) + " not, from " + name + " to " +
                     report.not_archived.rbegin()->first + " (" + why + ")";
    if (kept.count > 0) result.detail += "; " + files(kept.count) + " kept in " + unarchived(settings);
    if (!kept.lost.empty()) result.detail += "; " + files(kept.lost.size()) + " not even kept: " + kept.lost.front();
    result.hint =
        "copy them to the primary when the archive is well again and give each to pgbosun-wal archive there; then "
        "remove them";
    return result;
}

}  // namespace

ExitCode left_behind_command(Arguments arguments) {
    Options options;
    if (const auto end = parse(arguments, options)) return *end;
    const auto format = parse_job_format(options.report);
    const auto settings = read_configuration(options.config);
    if (!format || !settings) return ExitCode::wrong_usage;
    ::umask(077);
    JobOutput output(*format);
    const auto names = archive::left_behind(settings->data_directory());
    if (!names) {
        output.result({.done = false, .id = {}, .detail = names.error().what, .hint = names.error().hint});
        return ExitCode::refused;
    }
    archive::LeftBehindReport report;
    if (options.keep_only) {
        for (const auto& name : *names) report.not_archived.emplace(name, "the archive did not answer");
    } else {
        report = archive_all(*settings, Timeline{options.primary_timeline}, *names, output);
    }
    const auto kept = keep(*settings, report);
    const auto result = result_of(*settings, report, kept);
    output.result(result);
    if (result.done) return ExitCode::done;
    return kept.lost.empty() ? ExitCode::failed : ExitCode::refused;
}

}  // namespace pgbosun::app
