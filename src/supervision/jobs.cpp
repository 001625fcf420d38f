#include "supervision/jobs.hpp"

#include <algorithm>
#include <csignal>
#include <tuple>

#include "pgbosun/log.hpp"
#include "pgbosun/spawn.hpp"

namespace pgbosun::supervision {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t longest_job_line = std::size_t{64} << 10;
constexpr Duration job_look = 1h;             // only how often the wait is renewed: a job has no limit
constexpr Duration identifier_timeout = 10s;  // a job says its identifier at once, unless the store hangs

JobAnswer refused(std::string detail, std::string hint) {
    return JobAnswer{Answer::refused, {}, std::move(detail), std::move(hint), false};
}

std::string sentence(JobKind kind, const std::string& id, std::string_view what) {
    std::string text(to_string(kind));
    if (!id.empty()) text += " " + id;
    return text + " " + std::string(what);
}

}  // namespace

Jobs::Jobs(Surroundings& outside, const Settings& settings, JobCalls calls)
    : outside_(outside), settings_(settings), calls_(std::move(calls)), changed_(outside.loop),
      catalog_wanted_(outside.loop), settings_changed_(outside.loop) {}

Jobs::Slot& Jobs::slot(JobKind kind) {
    return kind == JobKind::backup ? backup_ : kind == JobKind::removal ? removal_ : drill_;
}

void Jobs::begin() {
    spawn(outside_.loop, remember_drills());
    spawn(outside_.loop, watch_catalog());
    spawn(outside_.loop, keep_schedule(JobKind::backup));
    spawn(outside_.loop, keep_schedule(JobKind::drill));
}

void Jobs::end() {
    if (std::exchange(ending_, true)) return;
    for (const JobKind kind : {JobKind::backup, JobKind::removal, JobKind::drill}) cancel(kind, "the end of pgbosun");
}

std::optional<JobRefusal> Jobs::refusal(JobKind kind) {
    const InstanceStatus& status = calls_.status();
    const auto& active = slot(kind).active;
    return refuse_job(
        kind, JobFacts{settings_.archive.has_value(), ending_, status.phase, status.role, active ? &*active : nullptr});
}

Result<> Jobs::start(JobKind kind, std::vector<std::string> arguments, std::string id, std::string asked_by) {
    Slot& it = slot(kind);
    auto process = std::make_unique<JobProcess>(outside_.loop, outside_.processes, longest_job_line);
    const auto started =
        process->start(outside_.archiver.command(std::move(arguments)), [this, kind](std::string_view line) {
            const auto read = outside_.archiver.parse_line(line);
            if (!read) {
                log::warning("a line of a job cannot be read: " + read.error().what);
                return;
            }
            if (!slot(kind).active) return;
            take_line(*slot(kind).active, *read);
            calls_.changed();
            changed_.announce();
        });
    if (!started) return started;
    ActiveJob job{kind, std::move(asked_by), {}, {}, {}};
    job.shown.id = std::move(id);
    job.shown.since = outside_.clock.now();
    job.shown.began_at = to_iso8601(outside_.clock.wall());
    calls_.record("backup", sentence(kind, job.shown.id, "begins"), {{"by", job.asked_by}});
    it.active = std::move(job);
    it.process = std::move(process);
    calls_.changed();
    spawn(outside_.loop, follow(kind));
    return {};
}

Task<> Jobs::follow(JobKind kind) {
    Slot& it = slot(kind);
    std::optional<ExitStatus> ended;
    while (!ended) ended = co_await it.process->wait(job_look);
    const ActiveJob job = *std::exchange(it.active, std::nullopt);
    it.process.reset();
    it.last = conclude(job, *ended);
    ++it.ended;
    concluded(kind, job, *it.last);
    if (kind == JobKind::backup && it.last->end == JobEnd::done && job.asked_by == by_schedule) expire();
    if (kind == JobKind::backup && !job.result && !it.last->result.id.empty()) {
        spawn(outside_.loop, close(it.last->result.id, it.last->result.detail));
    }
    catalog_wanted_.announce();
    calls_.changed();
    changed_.announce();
}

void Jobs::concluded(JobKind kind, const ActiveJob& job, const JobOutcome& outcome) {
    const JobResult& result = outcome.result;
    const std::vector<std::pair<std::string, std::string>> facts{
        {"id", result.id}, {"by", job.asked_by}, {"detail", result.detail}};
    const WallTime now = outside_.clock.wall();
    if (kind == JobKind::drill && outcome.end != JobEnd::cancelled && outcome.end != JobEnd::refused) {
        JobResult drilled = result;
        drilled.done = outcome.end == JobEnd::done;
        note_drill(memory_, drilled, now);
        memory_stale_ = true;
    }
    switch (outcome.end) {
        case JobEnd::done:
            if (kind == JobKind::backup) {
                ++taken_;
                last_backup_ = result;
            }
            log::info(sentence(kind, result.id, "is done"),
                      {{"detail", result.detail}, {"seconds", static_cast<std::int64_t>(result.seconds)}});
            calls_.record("backup", sentence(kind, result.id, "is done"), facts);
            break;
        case JobEnd::failed:
            log::error(sentence(kind, result.id, "failed: ") + result.detail, {{"hint", result.hint}});
            calls_.record("backup", sentence(kind, result.id, "failed: " + result.detail), facts);
            if (kind == JobKind::backup) note_failed_backup(result.detail);
            break;
        case JobEnd::refused:
            // Whoever keeps the schedule says that it is skipped.
            if (kind == JobKind::drill && job.asked_by == by_schedule) break;
            log::warning(sentence(kind, result.id, "was refused: ") + result.detail, {{"hint", result.hint}});
            calls_.record("backup", sentence(kind, result.id, "was refused: " + result.detail), facts);
            break;
        case JobEnd::cancelled:
            log::warning(sentence(kind, result.id, "was cancelled"));
            calls_.record("backup", sentence(kind, result.id, "was cancelled"), facts);
            break;
    }
    keep_memory();
}

// What archive.retention no longer wants goes when a scheduled backup has been added.
void Jobs::expire() {
    if (!settings_.archive || settings_.archive->retention.empty() || refusal(JobKind::removal)) return;
    const auto started =
        start(JobKind::removal, {"catalog", "expire", "--report", "json"}, {}, std::string(by_schedule));
    if (!started) log::error("removal of backups failed: " + started.error().what, {{"hint", started.error().hint}});
}

void Jobs::note_failed_backup(const std::string& error) {
    ++failed_;
    memory_.backup_failed_at = outside_.clock.wall();
    memory_.backup_error = error;
    memory_stale_ = true;
    keep_memory();
}

void Jobs::cancel(JobKind kind, const std::string& by) {
    Slot& it = slot(kind);
    if (!it.active || it.active->kill_at) return;
    it.active->kill_at = outside_.clock.now() + job_cancel_timeout;
    it.active->shown.cancelling = true;
    it.process->signal(SIGTERM);
    calls_.record("backup", sentence(kind, it.active->shown.id, "is told to end"), {{"by", by}});
    calls_.changed();
    spawn(outside_.loop, [](Jobs& jobs, JobKind which, std::uint64_t ended) -> Task<> {
        Broadcast nobody(jobs.outside_.loop);
        co_await nobody.wait(job_cancel_timeout);
        Slot& late = jobs.slot(which);
        if (late.ended == ended && late.process) late.process->signal(SIGKILL);
    }(*this, kind, it.ended));
}

std::vector<std::string> Jobs::backup_arguments(const JobRequest& request) const {
    std::vector<std::string> arguments{"backup", "--report", "json"};
    if (!request.name.empty()) arguments.insert(arguments.end(), {"--name", request.name});
    if (request.incremental.value_or(false)) arguments.emplace_back("--incremental");
    return arguments;
}

Task<JobAnswer> Jobs::ask(JobRequest request) {
    switch (request.verb) {
        case JobVerb::start_backup: {
            auto arguments = backup_arguments(request);
            co_return co_await start_and_wait(JobKind::backup, std::move(arguments), std::move(request));
        }
        case JobVerb::start_drill: {
            std::vector<std::string> arguments{"drill", "--report", "json"};
            if (!request.target_time.empty()) arguments.insert(arguments.end(), {"--to-time", request.target_time});
            for (const auto& check : request.checks) arguments.insert(arguments.end(), {"--check", check});
            co_return co_await start_and_wait(JobKind::drill, std::move(arguments), std::move(request));
        }
        case JobVerb::remove_backup: co_return co_await remove(std::move(request));
    }
    std::unreachable();
}

Task<JobAnswer> Jobs::start_and_wait(JobKind kind, std::vector<std::string> arguments, JobRequest request) {
    if (const auto no = refusal(kind)) co_return refused(no->reason, no->hint);
    const auto ended = slot(kind).ended;
    const auto started = start(kind, std::move(arguments), request.id, request.asked_by);
    if (!started) {
        if (kind == JobKind::backup) note_failed_backup(started.error().what);
        co_return JobAnswer{Answer::failed, {}, started.error().what, started.error().hint, false};
    }
    co_return co_await wait_for_end(kind, ended, request.wait, true);
}

Task<JobAnswer> Jobs::remove(JobRequest request) {
    if (backup_.active && backup_.active->shown.id == request.id) {
        const auto ended = backup_.ended;
        cancel(JobKind::backup, request.asked_by);
        auto answer = co_await wait_for_end(JobKind::backup, ended, request.wait, false);
        if (answer.answer == Answer::done && request.only_running)
            co_return refused("backup " + request.id + " was done before it could be cancelled", "");
        // That it ended is what was asked for.
        if (answer.answer == Answer::failed) answer.answer = Answer::done;
        answer.id = request.id;
        co_return answer;
    }
    if (request.only_running) {
        co_return refused("backup " + request.id + " is not running",
                          "pgbosun backup list shows what became of it; backup delete removes one that is there");
    }
    if (const auto* known = catalog()) {
        const auto same = [&](const CatalogEntry& entry) { return entry.id == request.id; };
        const bool listed = std::ranges::any_of(known->backups, same);
        if (!listed && known->count <= known->backups.size()) {
            auto answer = refused("there is no backup " + request.id, "GET /v1/backups lists them");
            answer.unknown = true;
            co_return answer;
        }
    }
    std::vector<std::string> arguments{"catalog", "delete", request.id, "--report", "json"};
    co_return co_await start_and_wait(JobKind::removal, std::move(arguments), std::move(request));
}

Task<JobAnswer> Jobs::wait_for_end(JobKind kind, std::uint64_t ended, Duration wait, bool for_identifier) {
    const Instant began = outside_.clock.now();
    for (;;) {
        Slot& it = slot(kind);
        if (it.ended != ended) {
            const JobOutcome& outcome = *it.last;
            const auto answer = outcome.end == JobEnd::done      ? Answer::done
                                : outcome.end == JobEnd::refused ? Answer::refused
                                                                 : Answer::failed;
            co_return JobAnswer{answer, outcome.result.id, outcome.result.detail, outcome.result.hint, false};
        }
        const bool nameless = for_identifier && it.active->shown.id.empty();
        const Duration patience = nameless ? std::max<Duration>(wait, identifier_timeout) : wait;
        const Duration waited = outside_.clock.now() - began;
        if (waited >= patience) {
            co_return JobAnswer{Answer::under_way, it.active->shown.id, it.active->shown.step, {}, false};
        }
        co_await changed_.wait(patience - waited);
    }
}

}  // namespace pgbosun::supervision
