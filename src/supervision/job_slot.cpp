#include "supervision/job_slot.hpp"

#include <utility>

namespace pgbosun::supervision {

std::string_view to_string(JobKind kind) {
    switch (kind) {
        case JobKind::backup: return "backup";
        case JobKind::removal: return "removal of backups";
        case JobKind::drill: return "drill";
    }
    std::unreachable();
}

std::optional<JobRefusal> refuse_job(JobKind kind, const JobFacts& facts) {
    if (facts.ending) return JobRefusal{"pgbosun is ending", {}};
    if (!facts.archive) return JobRefusal{"there is no archive", "give archive.destination in the configuration"};
    if (facts.running != nullptr) {
        const auto& shown = facts.running->shown;
        std::string what = "a " + std::string(to_string(kind)) + " runs already";
        if (!shown.id.empty()) what += ": " + shown.id;
        return JobRefusal{what + ", since " + shown.began_at, "wait for its end, or cancel it"};
    }
    if (kind != JobKind::backup) return std::nullopt;
    if (facts.phase != Phase::running || facts.role == Role::none) {
        return JobRefusal{"PostgreSQL cannot be backed up now: the phase is " + std::string(to_string(facts.phase)),
                          "ask again when the phase is running; pgbosun status says what it waits for"};
    }
    return std::nullopt;
}

void take_line(ActiveJob& job, const JobLine& line) {
    if (const auto* progress = std::get_if<JobProgress>(&line)) {
        if (!progress->id.empty()) job.shown.id = progress->id;
        job.shown.step = progress->step;
        job.shown.done_bytes = progress->bytes_done;
        job.shown.total_bytes = progress->bytes_total;
        return;
    }
    job.result = std::get<JobResult>(line);
    if (!job.result->id.empty()) job.shown.id = job.result->id;
}

JobOutcome conclude(const ActiveJob& job, ExitStatus status) {
    JobOutcome outcome{JobEnd::failed, job.result.value_or(JobResult{})};
    JobResult& result = outcome.result;
    if (result.id.empty()) result.id = job.shown.id;
    // What was done before the order to end came is done.
    if (result.done && status.success()) {
        outcome.end = JobEnd::done;
        return outcome;
    }
    result.done = false;
    if (job.kill_at) {
        outcome.end = JobEnd::cancelled;
        if (result.detail.empty()) result.detail = "it was cancelled";
        return outcome;
    }
    constexpr ExitStatus wrong_usage{ExitStatus::How::exited, 2},
        refusal{ExitStatus::How::exited, 3};  // app/exit_code.hpp
    const bool stays = job.kind == JobKind::removal && job.result && status == refusal;
    const bool not_begun =
        job.kind == JobKind::drill && job.result && job.result->refused && (status == refusal || status == wrong_usage);
    if (stays || not_begun) outcome.end = JobEnd::refused;
    if (result.detail.empty() || job.result->done) {
        result.detail = "it ended with " + to_string(status);
        result.hint = "its last log lines say why";
    }
    return outcome;
}

}  // namespace pgbosun::supervision
