#include "supervision/old_data.hpp"

#include <array>
#include <csignal>
#include <utility>
#include <vector>

#include "postgres/tools.hpp"
#include "supervision/inspection.hpp"
#include "supervision/job_slot.hpp"

namespace pgbosun::supervision {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t longest_job_line = std::size_t{64} << 10;
constexpr std::size_t longest_marker = 4096;
constexpr std::size_t most_tablespaces = 10'000;
constexpr Duration job_look = 1h;  // only how often the wait is renewed: a rename does not take long, a removal may

std::string unwanted_data(const Settings& settings) { return settings.data_directory() + ".removing"; }

std::string marker_path(const Settings& settings) { return settings.state_directory() + std::string(bootstrap_marker); }

// That is for what cannot be.
Result<> passing(Result<> done) {
    if (!done && done.error().kind == FaultKind::refused) done.error().kind = FaultKind::unavailable;
    return done;
}

Task<Result<bool>> is_there(FileSystem& files, std::string path) {
    const auto facts = co_await files.inspect(std::move(path));
    if (!facts && facts.error().kind != FaultKind::not_found) co_return std::unexpected(facts.error());
    co_return facts.has_value();
}

// Whether it has something outside of itself.
Task<Result<bool>> has_links(FileSystem& files, const std::string& directory) {
    std::string path = directory + "/pg_wal";
    const auto wal = co_await files.inspect(std::move(path));
    if (!wal && wal.error().kind != FaultKind::not_found) co_return std::unexpected(wal.error());
    if (wal && wal->type == FileType::link) co_return true;
    path = directory;
    co_return co_await has_tablespaces(files, std::move(path));
}

Task<Result<>> run(Surroundings& outside, const Settings& settings, JobProcess& job, std::string deed,
                   std::string directory) {
    const std::string major = std::to_string(outside.machine.server_major);
    std::vector<std::string> arguments{"linked-data",    std::move(deed), "--directory", std::move(directory),
                                       "--server-major", major,           "--report",    "json"};
    if (auto wal = postgres::wal_directory(settings)) {
        arguments.emplace_back("--wal-directory");
        arguments.push_back(std::move(*wal));
    }
    ActiveJob active;
    const auto started = job.start(outside.archiver.command(std::move(arguments)), [&](std::string_view line) {
        if (const auto read = outside.archiver.parse_line(line)) take_line(active, *read);
    });
    if (!started) co_return passing(started);
    std::optional<ExitStatus> ended;
    while (!ended) ended = co_await job.wait(job_look);
    const auto outcome = conclude(active, *ended);
    if (outcome.end == JobEnd::done) co_return Result<>();
    constexpr ExitStatus refusal{ExitStatus::How::exited, 3};  // app/exit_code.hpp
    const auto kind = active.result && *ended == refusal ? FaultKind::refused : FaultKind::unavailable;
    std::string what = "the data that the clone is to replace: " + outcome.result.detail;
    co_return fail(kind, std::move(what), outcome.result.hint);
}

// The tree last, for its links lead to the rest.
Task<Result<>> remove_unwanted(Surroundings& outside, const Settings& settings) {
    const std::string directory = unwanted_data(settings);
    const auto links = co_await has_links(outside.files, directory);
    if (!links) co_return std::unexpected(links.error());
    if (*links) {
        JobProcess job(outside.loop, outside.processes, longest_job_line);
        std::string deed = "remove-kept";
        std::string path = directory;
        const auto removed = co_await run(outside, settings, job, std::move(deed), std::move(path));
        if (!removed) co_return removed;
    }
    std::string path = directory;
    co_return co_await outside.files.remove_tree(std::move(path));
}

// Whether an earlier life had begun one.
Task<Result<bool>> finish_removal(Surroundings& outside, const Settings& settings) {
    std::string path = unwanted_data(settings);
    const auto begun = co_await is_there(outside.files, std::move(path));
    if (!begun || !*begun) co_return begun;
    const auto removed = co_await remove_unwanted(outside, settings);
    if (!removed) co_return std::unexpected(removed.error());
    co_return true;
}

// Done also when it is not there.
Task<Result<>> remove(Surroundings& outside, const Settings& settings, std::string directory) {
    std::string path = directory;
    const auto there = co_await is_there(outside.files, std::move(path));
    if (!there) co_return std::unexpected(there.error());
    if (!*there) co_return Result<>();
    std::string to = unwanted_data(settings);
    const auto renamed = co_await outside.files.rename_durably(std::move(directory), std::move(to));
    if (!renamed) co_return renamed;
    co_return co_await remove_unwanted(outside, settings);
}

}  // namespace

std::string kept_data(const Settings& settings) { return settings.data_directory() + ".old"; }
std::string replaced_data(const Settings& settings) { return settings.data_directory() + ".replaced"; }

Task<Result<std::string>> read_bootstrap_marker(FileSystem& files, const Settings& settings) {
    std::string path = marker_path(settings);
    auto text = co_await files.read(std::move(path), longest_marker);
    if (!text && text.error().kind == FaultKind::not_found) co_return std::string();
    co_return text;
}

Task<Result<>> write_bootstrap_marker(FileSystem& files, const Settings& settings, std::string text) {
    std::string path = marker_path(settings);
    co_return co_await files.write_durably(std::move(path), std::move(text));
}

Task<Result<bool>> has_tablespaces(FileSystem& files, std::string data_directory) {
    std::string path = std::move(data_directory) + "/pg_tblspc";
    const auto names = co_await files.list(std::move(path), most_tablespaces);
    if (!names && names.error().kind == FaultKind::not_found) co_return false;
    if (!names) co_return std::unexpected(names.error());
    co_return !names->empty();
}

void OldData::cancel(bool kill) {
    if (job_) job_->signal(kill ? SIGKILL : SIGTERM);
}

Task<Result<>> OldData::keep(const Settings& settings) {
    std::string path = settings.data_directory();
    const auto present = co_await is_there(outside_.files, std::move(path));
    if (!present) co_return passing(std::unexpected(present.error()));
    if (!*present) co_return Result<>();
    const auto before = co_await read_bootstrap_marker(outside_.files, settings);
    if (!before) co_return passing(std::unexpected(before.error()));
    const bool rewound = *before == rewind_marker || *before == keeping_rewound_marker;
    std::string text(rewound ? keeping_rewound_marker : keeping_marker);
    auto done = co_await write_bootstrap_marker(outside_.files, settings, std::move(text));
    if (!done) co_return passing(done);
    path = settings.data_directory();
    const auto links = co_await has_links(outside_.files, path);
    if (!links) co_return passing(std::unexpected(links.error()));
    if (*links) {
        job_ = std::make_unique<JobProcess>(outside_.loop, outside_.processes, longest_job_line);
        std::string deed = "set-aside";
        path = settings.data_directory();
        done = co_await run(outside_, settings, *job_, std::move(deed), std::move(path));
        job_.reset();
    }
    if (!done && done.error().kind == FaultKind::refused) {
        const auto unmarked = co_await take_back(settings, rewound);
        if (!unmarked) co_return passing(unmarked);
    }
    if (!done) co_return done;
    path = settings.data_directory();
    std::string to = kept_data(settings);
    done = co_await outside_.files.rename_durably(std::move(path), std::move(to));
    co_return passing(done);
}

// What pg_rewind has changed is never to be started.
Task<Result<>> OldData::take_back(const Settings& settings, bool rewound) {
    std::string path = marker_path(settings);
    if (!rewound) co_return co_await outside_.files.remove_durably(std::move(path));
    std::string text(rewind_marker);
    co_return co_await outside_.files.write_durably(std::move(path), std::move(text));
}

Task<Result<>> OldData::empty_tablespaces(const Settings& settings) {
    std::string path = settings.data_directory();
    const auto some = co_await has_tablespaces(outside_.files, std::move(path));
    if (!some) co_return std::unexpected(some.error());
    if (!*some) co_return Result<>();
    job_ = std::make_unique<JobProcess>(outside_.loop, outside_.processes, longest_job_line);
    std::string deed = "empty";
    path = settings.data_directory();
    const auto done = co_await run(outside_, settings, *job_, std::move(deed), std::move(path));
    job_.reset();
    co_return done;
}

Task<Result<OldDataEnd>> retire_kept_data(Surroundings& outside, const Settings& settings,
                                          std::function<bool()> still) {
    const auto finished = co_await finish_removal(outside, settings);
    if (!finished) co_return std::unexpected(finished.error());
    const auto before = *finished ? OldDataEnd::removed : OldDataEnd::there_was_none;
    std::string path = kept_data(settings);
    const auto kept = co_await is_there(outside.files, std::move(path));
    if (!kept) co_return std::unexpected(kept.error());
    if (*kept || !settings.bootstrap.keep_replaced_data) {
        path = replaced_data(settings);
        const auto older = co_await remove(outside, settings, std::move(path));
        if (!older) co_return std::unexpected(older.error());
    }
    if (!*kept || !still()) co_return before;
    if (!settings.bootstrap.keep_replaced_data) {
        path = kept_data(settings);
        const auto removed = co_await remove(outside, settings, std::move(path));
        if (!removed) co_return std::unexpected(removed.error());
        co_return OldDataEnd::removed;
    }
    path = kept_data(settings);
    std::string to = replaced_data(settings);
    const auto renamed = co_await outside.files.rename_durably(std::move(path), std::move(to));
    if (!renamed) co_return std::unexpected(renamed.error());
    co_return OldDataEnd::kept;
}

Task<Result<>> remove_kept_data(Surroundings& outside, const Settings& settings) {
    const std::array directories{replaced_data(settings), kept_data(settings)};
    for (const std::string& directory : directories) {
        std::string path = directory;
        const auto there = co_await is_there(outside.files, std::move(path));
        if (!there) co_return std::unexpected(there.error());
        if (!*there) continue;
        const auto finished = co_await finish_removal(outside, settings);
        if (!finished) co_return std::unexpected(finished.error());
        path = directory;
        const auto removed = co_await remove(outside, settings, std::move(path));
        if (!removed) co_return removed;
    }
    co_return Result<>();
}

}  // namespace pgbosun::supervision
