// What jobs do by themselves: remember, look at the catalog, keep the schedules.
#include <algorithm>
#include <csignal>
#include <utility>

#include "pgbosun/log.hpp"
#include "pgbosun/spawn.hpp"
#include "supervision/catalog_look.hpp"
#include "supervision/jobs.hpp"

namespace pgbosun::supervision {
namespace {

using namespace std::chrono_literals;

constexpr Duration catalog_timeout = 5min;
constexpr Duration catalog_rhythm = 10min;
constexpr Duration catalog_retry = 1min;
constexpr Duration schedule_look = 20s;
constexpr Duration drill_begins = 10min;  // or says within that why it does not
constexpr Duration drill_look = 20s;
constexpr std::size_t longest_drill_line = std::size_t{64} << 10;
constexpr Duration claim_timeout = 2min;
constexpr Duration close_timeout = 2min;
constexpr Duration memory_retry = 10s;
constexpr auto clock_set_back = std::chrono::hours(1);

std::string drill_path(const Settings& settings) { return settings.state_directory() + "/drill.json"; }

std::string memory_path(const Settings& settings) { return settings.state_directory() + "/jobs"; }

std::optional<std::string> text(const std::optional<WallTime>& time) {
    if (!time) return std::nullopt;
    return to_iso8601(*time);
}

std::optional<std::string> text(const std::string& value) {
    if (value.empty()) return std::nullopt;
    return value;
}

// "20261121T020000Z": a key that sorts.
std::string claim_name(WallTime moment) {
    const auto iso = to_iso8601(moment);
    std::string name;
    for (const char c : iso.substr(0, 19)) {
        if (c != '-' && c != ':') name += c;
    }
    return name + "Z";
}

}  // namespace

Task<> Jobs::recall() {
    std::string path = memory_path(settings_);
    const auto stored = co_await outside_.files.read(std::move(path), longest_job_memory);
    if (!stored) co_return;
    // What happened since pgbosun began is newer.
    const JobMemory earlier = parse_job_memory(*stored);
    if (!memory_.backup_failed_at) {
        memory_.backup_failed_at = earlier.backup_failed_at;
        memory_.backup_error = earlier.backup_error;
    }
    if (!memory_.drill_at) {
        memory_.drill_at = earlier.drill_at;
        memory_.drill_ok = earlier.drill_ok;
        memory_.drill_id = earlier.drill_id;
        memory_.drill_error = earlier.drill_error;
    }
    if (!memory_.drill_ok_at) {
        memory_.drill_ok_at = earlier.drill_ok_at;
        memory_.recovery_s = earlier.recovery_s;
    }
    calls_.changed();
}

// A drill that a person starts leaves its outcome on the volume, as those of ours do.
Task<> Jobs::remember_drills() {
    co_await recall();
    Broadcast nobody(outside_.loop);
    while (!ending_) {
        co_await look_at_drill();
        co_await nobody.wait(drill_look);
    }
}

Task<> Jobs::look_at_drill() {
    std::string path = drill_path(settings_);
    std::string same = path;
    const auto facts = co_await outside_.files.inspect(std::move(path));
    if (!facts || facts->modified_ns == drill_seen_) co_return;
    const auto line = co_await outside_.files.read(std::move(same), longest_drill_line);
    // One of ours says by itself what has become of it.
    if (!line || drill_.active) co_return;
    drill_seen_ = facts->modified_ns;
    const auto read = outside_.archiver.parse_line(std::string_view(*line).substr(0, line->find('\n')));
    const auto* result = read ? std::get_if<JobResult>(&*read) : nullptr;
    const WallTime at(std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::nanoseconds(drill_seen_)));
    if (result == nullptr || !take_drill(memory_, *result, at)) co_return;
    calls_.record("backup", "drill " + result->id + (result->done ? " is done" : " failed: " + result->detail),
                  {{"id", result->id}, {"by", "hand"}, {"detail", result->detail}});
    memory_stale_ = true;
    keep_memory();
    calls_.changed();
}

void Jobs::keep_memory() {
    if (memory_stale_ && !storing_memory_) spawn(outside_.loop, store_memory());
}

Task<> Jobs::store_memory() {
    storing_memory_ = true;
    Broadcast nobody(outside_.loop);
    while (memory_stale_) {
        memory_stale_ = false;
        std::string path = memory_path(settings_);
        std::string content = render(memory_);
        const auto stored = co_await outside_.files.write_durably(std::move(path), std::move(content));
        if (stored) continue;
        memory_stale_ = true;
        co_await nobody.wait(memory_retry);
    }
    storing_memory_ = false;
}

Task<Result<CatalogSummary>> Jobs::look_at_catalog() {
    JobProcess process(outside_.loop, outside_.processes, longest_summary_line);
    co_return co_await supervision::look_at_catalog(outside_.archiver, process, catalog_timeout);
}

void Jobs::note_archiver_is_up() {
    if (std::exchange(archiver_is_up_, true)) return;
    catalog_wanted_.announce();
}

// What it holds is nothing of ours then.
std::optional<std::string> Jobs::of_another() const {
    if (!catalog_) return std::nullopt;
    return another_cluster(*catalog_, calls_.status().system_id);
}

Task<> Jobs::watch_catalog() {
    while (!ending_) {
        // The archiver makes the archive's directory; nobody else may, for the volume may only have gone.
        if (!settings_.archive || !archiver_is_up_) {
            co_await catalog_wanted_.wait(catalog_retry);
            continue;
        }
        auto summary = co_await look_at_catalog();
        if (summary) {
            if (catalog_error_) log::info("the archive's catalog can be read again");
            const bool new_hole = summary->hole_count > 0 && (!catalog_ || catalog_->hole_count != summary->hole_count);
            catalog_ = std::move(*summary);
            catalog_at_ = outside_.clock.now();
            catalog_error_.reset();
            if (new_hole && !of_another()) {
                const std::string first = catalog_->holes.empty() ? "" : catalog_->holes.front().first;
                log::warning("the archive's WAL has holes", {{"count", catalog_->hole_count}, {"first", first}});
                calls_.record("archive", "the archive's WAL has holes", {{"first", first}});
            }
        } else {
            if (!catalog_error_ && !ending_) {
                log::warning("the archive's catalog cannot be read: " + summary.error().what,
                             {{"hint", summary.error().hint}});
            }
            catalog_error_ = summary.error().what;
        }
        calls_.changed();
        co_await catalog_wanted_.wait(catalog_error_ || of_another() ? catalog_retry : catalog_rhythm);
    }
}

Task<> Jobs::keep_schedule(JobKind kind) {
    auto& next = kind == JobKind::backup ? next_backup_ : next_drill_;
    const auto& schedule = kind == JobKind::backup ? settings_.backup.schedule : settings_.drill.schedule;
    WallTime seen = outside_.clock.wall();
    std::string kept = schedule;
    while (!ending_) {
        const WallTime now = outside_.clock.wall();
        if (kept != schedule) {
            kept = schedule;
            seen = now;
        }
        // A clock that was set back a little: what comes again was acted on.
        if (now < seen - clock_set_back) seen = now;
        const auto due = schedule.empty() ? std::nullopt : calls_.next_moment(schedule, seen);
        if (next != due) {
            next = due;
            calls_.changed();
        }
        if (due && *due <= now) {
            seen = now;
            if (kind == JobKind::backup) {
                spawn(outside_.loop, backup_moment_came(*due));
            } else {
                drill_moment_came(*due);
            }
            continue;
        }
        Duration pause = schedule_look;
        if (due) pause = std::min<Duration>(pause, *due - now);
        co_await settings_changed_.wait(pause);
    }
}

Task<Result<bool>> Jobs::claim(WallTime moment) {
    JobProcess process(outside_.loop, outside_.processes, longest_summary_line);
    std::vector<std::string> arguments{"claim", claim_name(moment)};
    const auto started = process.start(outside_.archiver.command(std::move(arguments)), [](std::string_view) {});
    if (!started) co_return std::unexpected(started.error());
    const auto ended = co_await process.wait(claim_timeout);
    if (!ended) process.signal(SIGKILL);
    if (ended && ended->success()) co_return true;
    constexpr int lost = 3;
    if (ended && *ended == ExitStatus{ExitStatus::How::exited, lost}) co_return false;
    co_return fail(FaultKind::unavailable,
                   "the scheduled moment could not be claimed in the archive" +
                       (ended ? ": " + to_string(*ended) : std::string(" in time")),
                   "the archiver's last log lines say why");
}

Task<> Jobs::close(std::string id, std::string error) {
    JobProcess process(outside_.loop, outside_.processes, longest_summary_line);
    std::vector<std::string> arguments{"catalog", "close", std::move(id), "--error", std::move(error)};
    const auto started = process.start(outside_.archiver.command(std::move(arguments)), [](std::string_view) {});
    if (!started) co_return;  // the next expire removes what it left
    const auto ended = co_await process.wait(close_timeout);
    if (!ended) process.signal(SIGKILL);
    catalog_wanted_.announce();
}

Task<> Jobs::backup_moment_came(WallTime moment) {
    const std::string at = to_iso8601(moment);
    const auto skipped = [&](const std::string& why) {
        log::info("the scheduled backup is skipped", {{"moment", at}, {"because", why}});
        calls_.record("backup", "the scheduled backup is skipped: " + why, {{"moment", at}});
    };
    auto judged = judge_backup_moment(calls_.status(), settings_.backup, outside_.clock.wall() - moment);
    if (judged.what == Moment::What::act_later) {
        Broadcast nobody(outside_.loop);
        co_await nobody.wait(judged.later);
        judged = judge_backup_moment(calls_.status(), settings_.backup, outside_.clock.wall() - moment);
        if (judged.what == Moment::What::act_later) judged.what = Moment::What::act;
    }
    if (judged.what == Moment::What::skip) {
        if (judged.of_interest) skipped(judged.reason);
        co_return;
    }
    const auto won = co_await claim(moment);
    if (!won) {
        log::error("the scheduled backup failed: " + won.error().what, {{"hint", won.error().hint}});
        calls_.record("backup", "the scheduled backup failed: " + won.error().what, {{"moment", at}});
        note_failed_backup(won.error().what);
        calls_.changed();
        co_return;
    }
    if (!*won) {
        skipped("another instance has taken it");
        co_return;
    }
    JobRequest request;
    request.verb = JobVerb::start_backup;
    request.asked_by = by_schedule;
    request.incremental = wants_incremental(settings_.backup, catalog(), outside_.clock.wall());
    const auto answer = co_await ask(std::move(request));
    if (answer.answer == Answer::refused) skipped(answer.detail);
}

void Jobs::drill_moment_came(WallTime moment) {
    if (outside_.clock.wall() - moment > latest_start) return;
    JobRequest request;
    request.verb = JobVerb::start_drill;
    request.asked_by = by_schedule;
    request.wait = drill_begins;
    spawn(outside_.loop, [](Jobs& jobs, JobRequest asked, std::string at) -> Task<> {
        const auto answer = co_await jobs.ask(std::move(asked));
        if (answer.answer != Answer::refused) co_return;
        log::info("the scheduled drill is skipped", {{"moment", at}, {"because", answer.detail}});
        jobs.calls_.record("backup", "the scheduled drill is skipped: " + answer.detail, {{"moment", at}});
    }(*this, std::move(request), to_iso8601(moment)));
}

BackupsStatus Jobs::backups() const {
    BackupsStatus status;
    std::optional<WallTime> failed_at = memory_.backup_failed_at;
    std::string error = memory_.backup_error;
    if (const auto* known = catalog()) {
        status.last_id = text(known->last_done_id);
        status.last_at = text(known->last_done_at);
        status.first_recoverable_at = text(known->recoverable_from);
        status.recoverable_to = text(known->recoverable_to);
        status.hole_count = known->hole_count;
        for (const auto& hole : known->holes) {
            status.holes.push_back(hole.first == hole.last ? hole.first : hole.first + " to " + hole.last);
        }
        status.count = known->count;
        if (known->last_failed_at && (!failed_at || *known->last_failed_at >= *failed_at)) {
            failed_at = known->last_failed_at;
            error = known->last_error;
        }
    }
    status.last_failed_at = text(failed_at);
    status.last_error = text(error);
    status.next_at = text(next_backup_);
    if (backup_.active) status.running = backup_.active->shown;
    if (last_backup_) {
        status.last_seconds = last_backup_->seconds;
        status.last_bytes = last_backup_->bytes;
        status.last_stored_bytes = last_backup_->stored;
    }
    status.taken = taken_;
    status.failed = failed_;
    status.looked_at = catalog_at_;
    status.catalog_error = catalog_error_;
    if (auto another = of_another()) status.catalog_error = std::move(another);
    return status;
}

DrillStatus Jobs::drill() const {
    DrillStatus status;
    status.last_at = text(memory_.drill_at);
    if (memory_.drill_at) status.last_ok = memory_.drill_ok;
    status.last_id = text(memory_.drill_id);
    status.last_error = text(memory_.drill_error);
    status.last_ok_at = text(memory_.drill_ok_at);
    if (memory_.drill_ok_at) status.recovery_s = memory_.recovery_s;
    status.next_at = text(next_drill_);
    if (drill_.active) status.running = drill_.active->shown;
    return status;
}

}  // namespace pgbosun::supervision
