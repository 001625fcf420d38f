// `pgbosun-archiver verify ID`: reads a backup back and says everything that is wrong with it.

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <chrono>
#include <iostream>

#include "app/archiver_program.hpp"
#include "app/job_output.hpp"
#include "app/job_run.hpp"
#include "backup/backup_chain.hpp"
#include "backup/verify.hpp"
#include "postgres/control_data.hpp"

namespace pgbosun::app {
namespace {

Result<SystemId> system_id_in(std::string_view control_file) {
    const auto control = postgres::parse_control_data(control_file);
    if (!control) return std::unexpected(control.error());
    return control->system_id;
}

// The backup, and those that it builds on.
Result<std::vector<backup::Backup>> chain_to(backup::Catalog& catalog, const std::string& reference) {
    auto found = catalog.find(reference);
    if (!found) return std::unexpected(std::move(found.error()));
    if (found->kind == backup::Kind::full) return std::vector{*std::move(found)};
    const auto all = catalog.list();
    if (!all) return std::unexpected(all.error());
    return backup::chain_of(*all, *found);
}

Result<backup::Verification> carry_out(backup::Catalog& catalog, std::string& reference, int jobs, JobOutput& output) {
    const auto chain = chain_to(catalog, reference);
    if (!chain) return std::unexpected(chain.error());
    reference = chain->back().id.text();
    const backup::VerifyOrder order{jobs, system_id_in,
                                    [&](const JobProgress& progress) { output.progress(progress); }};
    backup::Verification all{.with_manifest = true};
    for (const auto& each : *chain) {
        auto one = backup::verify(catalog, each, order);
        if (!one) return one;
        all.files += one->files;
        all.segments += one->segments;
        all.bytes += one->bytes;
        all.stored += one->stored;
        all.with_manifest = all.with_manifest && one->with_manifest;
        const std::string name = chain->size() > 1 ? each.id.text() + ": " : std::string();
        for (const auto& finding : one->findings) all.findings.push_back(name + finding);
    }
    return all;
}

JobResult result_of(const backup::Verification& verified, const std::string& id, double seconds) {
    JobResult result;
    result.id = id;
    result.done = verified.findings.empty();
    result.bytes = verified.bytes;
    result.stored = verified.stored;
    result.seconds = seconds;
    const std::string read = std::to_string(verified.files) + " files and " + std::to_string(verified.segments) +
                             " segments of WAL were read";
    const std::string compared = verified.with_manifest ? ", every file is as the manifest says"
                                                        : "; there is no manifest to compare files with";
    result.detail = result.done ? read + compared : std::to_string(verified.findings.size()) + " findings: " + read;
    if (!result.done) result.hint = "take a new backup before this one is needed";
    return result;
}

}  // namespace

ExitCode verify_command(Arguments arguments) {
    std::optional<std::string> config;
    std::string reference = "latest", report = "text";
    int jobs = 0;
    CLI::App line("Reads a backup and its WAL back, and says everything that is wrong.", "pgbosun backup verify");
    line.add_option("--config", config, "configuration file")->type_name("FILE");
    line.add_option("--jobs", jobs, "objects at a time; else archive.data.max_parallel");
    line.add_option("--report", report, "text or json");
    line.add_option("ID", reference, "identifier, name or latest");
    if (const auto end = parse_command_line(line, arguments)) return *end;
    const auto format = parse_job_format(report);
    const auto settings = read_configuration(config);
    if (!format || !settings) return ExitCode::wrong_usage;
    const auto store = open_archive(*settings->archive, object_store::MissingRoot::wait);
    if (!store) return ExitCode::wrong_usage;
    JobOutput output(*format);
    backup::Catalog catalog(*store, settings->archive->server_name);
    const auto began = std::chrono::steady_clock::now();
    boost::asio::io_context loop;
    const JobSignals signals(loop, [&] { store->cancel(); });
    const auto verified = run_beside(loop, [&] {
        return carry_out(catalog, reference, jobs > 0 ? jobs : settings->archive->data.max_parallel, output);
    });
    if (!verified) {
        output.result({.done = false, .id = {}, .detail = verified.error().what, .hint = verified.error().hint});
        return exit_code_of(verified.error());
    }
    for (const auto& finding : verified->findings) std::cerr << finding << "\n";
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    output.result(result_of(*verified, reference, took.count()));
    return verified->findings.empty() ? ExitCode::done : ExitCode::failed;
}

}  // namespace pgbosun::app
