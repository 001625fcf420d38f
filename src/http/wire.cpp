#include "http/wire.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "http/message.hpp"
#include "http/running_job_wire.hpp"

namespace pgbosun::http {
namespace {

using Json = nlohmann::ordered_json;

// Bytes that are not UTF-8 (a database in SQL_ASCII has them) become U+FFFD instead of an exception.
std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::int64_t milliseconds(Duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

double seconds(Duration duration) { return static_cast<double>(milliseconds(duration)) / 1000.0; }

template <class T>
Json or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json();
}

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json lsn_or_null(const std::optional<Lsn>& lsn) { return lsn ? Json(to_string(*lsn)) : Json(); }

Json age(const std::optional<Instant>& since, Instant now) { return since ? Json(seconds(now - *since)) : Json(); }

Json fence_of(const InstanceStatus& status) {
    if (!status.fenced) return {};
    return {{"reason", status.fenced->reason}, {"since", status.fenced->since}};
}

Json postgres_of(const PostgresStatus& postgres, Instant now) {
    Json json;
    json["pid"] = postgres.pid == 0 ? Json() : Json(postgres.pid);
    json["version"] = postgres.version == 0 ? Json() : Json(postgres.version);
    json["up_s"] = age(postgres.started_at, now);
    json["restarts"] = postgres.restarts;
    json["checksums"] = or_null(postgres.checksums);
    json["free_connections"] = or_null(postgres.free_connections);
    json["exhausted_for_s"] = age(postgres.exhausted_since, now);
    json["silent_for_s"] = age(postgres.silent_since, now);
    json["silent_reason"] = text_or_null(postgres.silent_reason);
    return json;
}

Json lsn_of(const InstanceStatus& status) {
    const LsnStatus& lsn = status.lsn;
    Json json;
    json["current"] = lsn_or_null(lsn.current);
    json["received"] = lsn_or_null(lsn.received);
    json["replayed"] = lsn_or_null(lsn.replayed);
    // A primary is behind nobody.
    json["lag_bytes"] = status.role == Role::primary ? Json(0) : or_null(lsn.lag_bytes);
    json["streaming"] = lsn.streaming;
    json["sender"] = or_null(lsn.sender);
    json["from_archive"] = lsn.from_archive;
    json["replay_paused"] = lsn.replay_paused;
    json["replay_stands_still"] = lsn.replay_stands_still;
    return json;
}

Json standbys_of(const std::vector<StandbyStatus>& standbys) {
    Json json = Json::array();
    for (const auto& standby : standbys) {
        json.push_back({{"name", standby.name},
                        {"state", standby.state},
                        {"sync", standby.sync},
                        {"client_address", text_or_null(standby.client_address)},
                        {"replay_lag_bytes", or_null(standby.replay_lag_bytes)},
                        {"flushed", lsn_or_null(standby.flushed)}});
    }
    return json;
}

Json slots_of(const std::vector<SlotStatus>& slots) {
    Json json = Json::array();
    for (const auto& slot : slots) {
        json.push_back({{"name", slot.name},
                        {"type", slot.type},
                        {"active", slot.active},
                        {"kept_bytes", or_null(slot.kept_bytes)},
                        {"wal_status", text_or_null(slot.wal_status)}});
    }
    return json;
}

Json archive_of(const std::optional<ArchiveReport>& archive) {
    if (!archive) return {};
    Json json;
    json["target"] = archive->target;
    json["last_wal"] = or_null(archive->last_wal);
    json["last_at"] = or_null(archive->last_at);
    json["backlog"] = archive->backlog;
    json["failing_since"] = or_null(archive->failing_since);
    json["restore_failing_since"] = or_null(archive->restore_failing_since);
    json["restore_error"] = or_null(archive->restore_error);
    json["last_error"] = or_null(archive->last_error);
    json["archived"] = archive->archived;
    json["archived_bytes"] = archive->archived_bytes;
    json["stored_bytes"] = archive->stored_bytes;
    json["failures"] = archive->failures;
    json["restored"] = archive->restored;
    json["awaited"] = or_null(archive->awaited);
    const auto& stream = archive->stream;
    json["stream"] = {{"position", lsn_or_null(stream.position)},
                      {"at", or_null(stream.at)},
                      {"failing_since", or_null(stream.failing_since)},
                      {"last_error", or_null(stream.last_error)}};
    return json;
}

Json running_of(const std::optional<RunningJob>& running, Instant now) {
    return running ? running_json(*running, now) : Json();
}

Json backup_of(const BackupsStatus& backup, Instant now) {
    return {{"last_id", or_null(backup.last_id)},
            {"last_at", or_null(backup.last_at)},
            {"last_failed_at", or_null(backup.last_failed_at)},
            {"last_error", or_null(backup.last_error)},
            {"first_recoverable_at", or_null(backup.first_recoverable_at)},
            {"recoverable_to", or_null(backup.recoverable_to)},
            {"holes", backup.holes},
            {"hole_count", backup.hole_count},
            {"count", or_null(backup.count)},
            {"next_at", or_null(backup.next_at)},
            {"running", running_of(backup.running, now)},
            {"last_s", or_null(backup.last_seconds)},
            {"last_bytes", or_null(backup.last_bytes)},
            {"last_stored_bytes", or_null(backup.last_stored_bytes)},
            {"taken", backup.taken},
            {"failed", backup.failed},
            {"catalog_age_s", age(backup.looked_at, now)},
            {"catalog_error", or_null(backup.catalog_error)}};
}

Json drill_of(const DrillStatus& drill, Instant now) {
    return {{"last_at", or_null(drill.last_at)},       {"last_ok", or_null(drill.last_ok)},
            {"last_id", or_null(drill.last_id)},       {"last_error", or_null(drill.last_error)},
            {"last_ok_at", or_null(drill.last_ok_at)}, {"recovery_s", or_null(drill.recovery_s)},
            {"next_at", or_null(drill.next_at)},       {"running", running_of(drill.running, now)}};
}

Json volumes_of(const InstanceStatus& status) {
    Json json = Json::array();
    for (const auto& volume : status.volumes) {
        json.push_back({{"name", volume.name},
                        {"path", volume.path},
                        {"total_bytes", volume.total_bytes},
                        {"available_bytes", volume.available_bytes},
                        {"hangs_for_s", age(volume.hangs_since, status.now)},
                        {"error", or_null(volume.error)},
                        {"full_for_s", age(volume.full_since, status.now)},
                        {"last_write_s", volume.last_write_s}});
    }
    return json;
}

Json progress_of(const InstanceStatus& status) {
    if (!status.progress) return {};
    const ProgressStatus& progress = *status.progress;
    return {{"what", progress.what},
            {"done_bytes", progress.done_bytes},
            {"total_bytes", progress.total_bytes == 0 ? Json() : Json(progress.total_bytes)},
            {"for_s", age(progress.since, status.now)}};
}

Json silent_of(const ManagedStatus& managed, Instant now) {
    Json json = Json::array();
    for (const auto& member : managed.silent)
        json.push_back({{"name", member.name}, {"for_s", age(member.since, now)}, {"why", member.why}});
    return json;
}

Json managed_of(const std::optional<ManagedStatus>& managed, Instant now) {
    if (!managed) return {};
    const Reach& reach = managed->reach;
    return {{"accepted", managed->accepted},
            {"first_term", managed->first_term},
            {"primary", text_or_null(managed->primary)},
            {"upstream", or_null(managed->upstream)},
            {"leads_standbys", managed->leads_standbys},
            {"holds_clients", managed->holds_clients},
            {"apply_delay_ms", managed->apply_delay ? Json(milliseconds(*managed->apply_delay)) : Json()},
            {"serving", managed->serving},
            {"stopped", managed->stopped},
            {"able", managed->able},
            {"ending", managed->ending},
            {"reach",
             {{"term", reach.term},
              {"timeline", number(reach.timeline)},
              {"lsn", to_string(reach.lsn)},
              {"age_ms", managed->reach_age ? Json(milliseconds(*managed->reach_age)) : Json()}}},
            {"promotable_version", managed->promotable_version},
            {"synchronous_version", or_null(managed->synchronous_version)},
            {"promised", {{"term", managed->promised_term}, {"for_ms", milliseconds(managed->promised_for)}}},
            {"bound_for_ms", milliseconds(managed->bound_for)},
            {"silent_members", silent_of(*managed, now)}};
}

Json state_of(const InstanceStatus& status) {
    Json json;
    json["phase"] = to_string(status.phase);
    json["role"] = to_string(status.role);
    json["reason"] = text_or_null(status.reason);
    json["hint"] = text_or_null(status.hint);
    json["term"] = status.term;
    json["timeline"] = status.timeline ? Json(number(*status.timeline)) : Json();
    // As text: JSON readers that use doubles would round it.
    json["system_id"] = status.system_id ? Json(std::to_string(number(*status.system_id))) : Json();
    json["fenced"] = fence_of(status);
    json["started"] = status.started;
    json["live"] = status.live;
    json["live_reason"] = text_or_null(status.live_reason);
    json["ready"] = status.ready;
    json["ready_reason"] = text_or_null(status.ready_reason);
    json["pending_restart"] = status.pending_restart;
    json["pending_restart_parameters"] = status.pending_restart_parameters;
    json["managed"] = managed_of(status.managed, status.now);
    json["postgres"] = postgres_of(status.postgres, status.now);
    json["lsn"] = lsn_of(status);
    json["standbys"] = standbys_of(status.standbys);
    json["slots"] = slots_of(status.slots);
    json["synchronous"] = status.synchronous;
    json["archive"] = archive_of(status.archive);
    json["archive_refused"] = or_null(status.archive_refused);
    json["backup"] = backup_of(status.backup, status.now);
    json["drill"] = drill_of(status.drill, status.now);
    json["volumes"] = volumes_of(status);
    json["progress"] = progress_of(status);
    json["log"] = {{"waiting_bytes", status.log.waiting_bytes},
                   {"blocked_for_s", age(status.log.blocked_since, status.now)},
                   {"lost_lines", status.log.lost_lines}};
    json["facts_age_s"] = age(status.facts_at, status.now);
    return json;
}

Json facts_of(const JournalEntry& entry) {
    Json json = Json::object();
    for (const auto& [name, value] : entry.facts) json[name] = value;
    return json;
}

}  // namespace

std::string render_problem(const Problem& problem) {
    Json json;
    json["type"] = "about:blank";
    json["title"] = reason_phrase(problem.status);
    json["status"] = problem.status;
    json["detail"] = problem.detail;
    if (!problem.hint.empty()) json["hint"] = problem.hint;
    return text_of(json) + "\n";
}

std::string render_status_clock(const InstanceStatus& status) {
    std::string text = "{\"monotonic_ms\":" + std::to_string(milliseconds(status.now.time_since_epoch()));
    text.append(",\"valid_for_ms\":");
    // For ever: nobody else can be promoted.
    if (!status.valid_until || *status.valid_until == Instant::max()) return text.append("null,");
    const auto left = std::max<std::int64_t>(0, milliseconds(*status.valid_until - status.now));
    return text.append(std::to_string(left)).append(",");
}

std::string render_status_state(const InstanceStatus& status) {
    Json json;
    json["instance"] = status.instance;
    json["cluster"] = status.cluster;
    json["version"] = status.version;
    json["boot_id"] = status.boot_id;
    json.update(state_of(status));
    return text_of(json).erase(0, 1) + "\n";
}

std::string render_status(const InstanceStatus& status) {
    return render_status_clock(status) + render_status_state(status);
}

std::string render_journal(const std::vector<JournalEntry>& entries, std::uint64_t last_id) {
    Json list = Json::array();
    for (const auto& entry : entries) {
        list.push_back({{"id", entry.id},
                        {"at", to_iso8601(entry.at)},
                        {"kind", entry.kind},
                        {"what", entry.what},
                        {"facts", facts_of(entry)}});
    }
    const Json json = {{"last_id", last_id}, {"entries", std::move(list)}};
    return text_of(json) + "\n";
}

std::string render_event(const JournalEntry& entry, Phase phase, Role role) {
    const Json json = {{"at", to_iso8601(entry.at)},
                       {"phase", to_string(phase)},
                       {"role", to_string(role)},
                       {"what", entry.what},
                       {"facts", facts_of(entry)}};
    return text_of(json);
}

std::string render_progress(const InstanceStatus& status) {
    const auto of_job = [](const std::optional<RunningJob>& job) {
        if (!job) return Json();
        return Json{{"id", text_or_null(job->id)},
                    {"step", job->step},
                    {"bytes", job->done_bytes},
                    {"total", job->total_bytes == 0 ? Json() : Json(job->total_bytes)}};
    };
    Json progress = progress_of(status);
    if (progress.is_object()) progress.erase("for_s");
    const Json json = {{"phase", to_string(status.phase)},
                       {"role", to_string(status.role)},
                       {"backup", of_job(status.backup.running)},
                       {"drill", of_job(status.drill.running)},
                       {"progress", std::move(progress)}};
    return text_of(json);
}

std::string render_control(const ControlRequest& request) {
    Json json = Json::object();
    if (!request.reason.empty()) json["reason"] = request.reason;
    if (request.force) json["force"] = true;
    if (request.verb == Verb::demote && !request.upstream.empty()) json["upstream"] = request.upstream;
    return text_of(json);
}

}  // namespace pgbosun::http
