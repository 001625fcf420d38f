#include <optional>
#include <ostream>
#include <utility>

#include "app/client_commands.hpp"
#include "app/progress_line.hpp"
#include "app/work_text.hpp"

namespace pgbosun::app {
namespace {

// So many looks in a row without an answer, and the instance is gone.
constexpr int most_silent_looks = 60;

void tell(const Console& console, const std::string& detail, const std::string& hint) {
    console.err << "pgbosun: " << detail;
    if (!hint.empty()) console.err << " (hint: " << hint << ")";
    console.err << std::endl;
}

std::string progress_of(const RunningJob& job, Instant now) {
    return work_text(job.step, job.done_bytes, job.total_bytes, now - job.since);
}

// What has become of it, from the counts before it began; none: it still runs.
std::optional<ExitCode> judge_end(const BackupsStatus& before, const BackupsStatus& now, const std::string& id,
                                  const Console& console) {
    if (now.taken > before.taken) {
        console.out << "backup " << id << " is done" << std::endl;
        return ExitCode::done;
    }
    if (now.failed > before.failed) {
        tell(console, "backup " + id + " failed: " + now.last_error.value_or("its log says why"), "");
        return ExitCode::failed;
    }
    if (now.running) return std::nullopt;
    tell(console, "backup " + id + " was cancelled", "");
    return ExitCode::failed;
}

// The instance takes it, whoever watches.
ExitCode leave_it(const std::string& id, const Console& console) {
    tell(console, (id.empty() ? "the backup" : "backup " + id) + " goes on",
         "pgbosun status --watch shows it; pgbosun backup cancel ends it");
    return console.interruption();
}

ExitCode watch_backup(const BackupsStatus& before, std::string id, InstanceClient& client, const Console& console) {
    ProgressLine line(console);
    for (int silent = 0; silent < most_silent_looks;) {
        const auto reply = client.status();
        if (!reply) {
            ++silent;
            line.show("nobody answers: " + reply.error().text());
        } else {
            silent = 0;
            const auto& backup = reply->status.backup;
            if (backup.running && id.empty()) id = backup.running->id;
            // Its counts begin anew with pgbosun, and the backup ends with it.
            const bool restarted = backup.taken < before.taken || backup.failed < before.failed;
            if (restarted) {
                line.clear();
                tell(console, "pgbosun was restarted during the backup", "pgbosun backup list shows what became of it");
                return ExitCode::failed;
            }
            if (backup.running) line.show(progress_of(*backup.running, reply->status.now));
            if (!backup.running) line.clear();
            if (const auto end = judge_end(before, backup, id, console)) return *end;
        }
        if (!console.pause(watch_interval)) {
            line.clear();
            return leave_it(id, console);
        }
    }
    line.clear();
    tell(console, "the instance does not say what became of the backup", "pgbosun backup list shows it");
    return ExitCode::no_answer;
}

}  // namespace

ExitCode take_backup(const BackupCommand& command, InstanceClient& client, const Console& console) {
    const bool wait = command.repetition == Repetition::until_interrupted;
    BackupsStatus before;
    if (wait) {
        const auto status = client.status();
        if (!status) return report(status.error(), console);
        before = status->status.backup;
    }
    JobRequest request;
    request.verb = JobVerb::start_backup;
    request.name = command.name;
    request.incremental = command.incremental;
    const auto reply = client.start_backup(request);
    if (!reply) return report(reply.error(), console);
    switch (reply->outcome) {
        case Outcome::done: console.out << "backup " << reply->id << " is done" << std::endl; return ExitCode::done;
        case Outcome::under_way:
            if (wait) return watch_backup(before, reply->id, client, console);
            console.out << (reply->id.empty() ? "the backup" : "backup " + reply->id) << " is under way" << std::endl;
            return ExitCode::done;
        case Outcome::refused: tell(console, "refused: " + reply->detail, reply->hint); return ExitCode::refused;
        case Outcome::not_allowed:
        case Outcome::misunderstood: tell(console, reply->detail, reply->hint); return ExitCode::wrong_usage;
        case Outcome::failed: tell(console, reply->detail, reply->hint); return ExitCode::failed;
    }
    std::unreachable();
}

}  // namespace pgbosun::app
