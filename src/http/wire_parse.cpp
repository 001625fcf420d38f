#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "http/message.hpp"
#include "http/wire.hpp"
#include "pgbosun/moment.hpp"

namespace pgbosun::http {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t longest_age_ms = 1'000'000'000'000;

// Reads the fields of one object. The first that is of the wrong type is remembered; the others keep their default.
class Fields {
public:
    Fields(const Json& object, std::string_view name, std::string& error)
        : object_(object), name_(name), error_(error) {
        if (!object_.is_object()) complain("");
    }

    const Json* find(const char* key) const {
        if (!object_.is_object()) return nullptr;
        const auto field = object_.find(key);
        return field == object_.end() || field->is_null() ? nullptr : &*field;
    }
    void text(const char* key, std::string& into) const {
        if (const Json* field = find(key)) field->is_string() ? void(into = *field) : complain(key);
    }
    void text(const char* key, std::optional<std::string>& into) const {
        if (find(key)) text(key, into.emplace());
    }
    void truth(const char* key, bool& into) const {
        if (const Json* field = find(key)) field->is_boolean() ? void(into = field->get<bool>()) : complain(key);
    }
    template <class Integer>
    void number(const char* key, Integer& into) const {
        const Json* field = find(key);
        if (!field) return;
        if (field->is_number_unsigned() && std::in_range<Integer>(field->get<std::uint64_t>())) {
            into = static_cast<Integer>(field->get<std::uint64_t>());
        } else {
            complain(key);
        }
    }
    void number(const char* key, std::optional<std::uint64_t>& into) const {
        if (find(key)) number(key, into.emplace());
    }
    void number(const char* key, double& into) const {
        if (const Json* field = find(key)) field->is_number() ? void(into = field->get<double>()) : complain(key);
    }
    void number(const char* key, std::optional<double>& into) const {
        if (find(key)) number(key, into.emplace());
    }
    void texts(const char* key, std::vector<std::string>& into) const {
        const Json* field = find(key);
        if (!field) return;
        if (!field->is_array()) return complain(key);
        for (const auto& element : *field) {
            if (!element.is_string()) return complain(key);
            into.push_back(element);
        }
    }
    void lsn(const char* key, std::optional<Lsn>& into) const {
        std::optional<std::string> given;
        text(key, given);
        if (!given) return;
        into = parse_lsn(*given);
        if (!into) complain(key);
    }
    // An age in seconds back into the moment that it began.
    void age(const char* key, Instant now, std::optional<Instant>& into) const {
        if (!find(key)) return;
        double age_s = 0;
        number(key, age_s);
        static constexpr double ten_years_s = 10.0 * 366 * 86400;
        if (!(std::abs(age_s) < ten_years_s)) return complain(key);
        into = now - std::chrono::milliseconds(std::llround(age_s * 1000));
    }
    // The named member as an object of its own; absent or null: not called.
    template <class Read>
    void object(const char* key, Read read) const {
        if (const Json* field = find(key)) read(Fields(*field, key, error_));
    }
    template <class Read>
    void each(const char* key, Read read) const {
        const Json* field = find(key);
        if (!field) return;
        if (!field->is_array()) return complain(key);
        for (const auto& element : *field) read(Fields(element, key, error_));
    }
    void complain(std::string_view key) const {
        if (!error_.empty()) return;
        error_ = std::string(name_);
        if (!key.empty()) error_.append(error_.empty() ? "" : ".").append(key);
        if (error_.empty()) error_ = "the document";
    }

private:
    const Json& object_;
    std::string_view name_;
    std::string& error_;
};

template <class Enum>
void enumeration(const Fields& fields, const char* key, Enum last, Enum& into) {
    std::string name;
    fields.text(key, name);
    for (int i = 0; i <= static_cast<int>(last); ++i) {
        if (to_string(static_cast<Enum>(i)) != name) continue;
        into = static_cast<Enum>(i);
        return;
    }
    fields.complain(key);
}

void read_identity(const Fields& top, InstanceStatus& status) {
    top.text("instance", status.instance);
    top.text("cluster", status.cluster);
    top.text("version", status.version);
    top.text("boot_id", status.boot_id);
    std::int64_t now_ms = 0;
    top.number("monotonic_ms", now_ms);
    static constexpr std::int64_t most_ms = std::numeric_limits<Duration::rep>::max() / 2'000'000;
    if (now_ms > most_ms) top.complain("monotonic_ms");
    status.now = Instant(std::chrono::milliseconds(std::min(now_ms, most_ms)));
    if (top.find("valid_for_ms")) {
        std::uint32_t valid_for_ms = 0;
        top.number("valid_for_ms", valid_for_ms);
        status.valid_until = status.now + std::chrono::milliseconds(valid_for_ms);
    }
    std::uint32_t timeline = 0;
    top.number("timeline", timeline);
    if (timeline != 0) status.timeline = Timeline{timeline};
    std::string system_id;
    top.text("system_id", system_id);
    if (system_id.empty()) return;
    std::uint64_t id = 0;
    const auto [end, error] = std::from_chars(system_id.data(), system_id.data() + system_id.size(), id);
    if (error != std::errc{} || end != system_id.data() + system_id.size()) top.complain("system_id");
    status.system_id = SystemId{id};
}

void read_state(const Fields& top, InstanceStatus& status) {
    enumeration(top, "phase", Phase::failed, status.phase);
    enumeration(top, "role", Role::none, status.role);
    top.text("reason", status.reason);
    top.text("hint", status.hint);
    top.number("term", status.term);
    top.truth("started", status.started);
    top.truth("live", status.live);
    top.text("live_reason", status.live_reason);
    top.truth("ready", status.ready);
    top.text("ready_reason", status.ready_reason);
    top.truth("pending_restart", status.pending_restart);
    top.texts("pending_restart_parameters", status.pending_restart_parameters);
    top.truth("synchronous", status.synchronous);
    top.text("archive_refused", status.archive_refused);
    top.age("facts_age_s", status.now, status.facts_at);
    top.object("fenced", [&](const Fields& fields) {
        FenceStatus& fence = status.fenced.emplace();
        fields.text("reason", fence.reason);
        fields.text("since", fence.since);
    });
}

void read_postgres(const Fields& top, InstanceStatus& status) {
    top.object("postgres", [&](const Fields& fields) {
        fields.number("pid", status.postgres.pid);
        fields.number("version", status.postgres.version);
        fields.age("up_s", status.now, status.postgres.started_at);
        fields.number("restarts", status.postgres.restarts);
        if (fields.find("checksums")) fields.truth("checksums", status.postgres.checksums.emplace());
        fields.age("exhausted_for_s", status.now, status.postgres.exhausted_since);
        fields.age("silent_for_s", status.now, status.postgres.silent_since);
        fields.text("silent_reason", status.postgres.silent_reason);
    });
    top.object("lsn", [&](const Fields& fields) {
        fields.lsn("current", status.lsn.current);
        fields.lsn("received", status.lsn.received);
        fields.lsn("replayed", status.lsn.replayed);
        fields.number("lag_bytes", status.lsn.lag_bytes);
        fields.truth("streaming", status.lsn.streaming);
        fields.text("sender", status.lsn.sender);
        fields.truth("from_archive", status.lsn.from_archive);
        fields.truth("replay_paused", status.lsn.replay_paused);
        fields.truth("replay_stands_still", status.lsn.replay_stands_still);
    });
    top.each("standbys", [&](const Fields& fields) {
        StandbyStatus& standby = status.standbys.emplace_back();
        fields.text("name", standby.name);
        fields.text("state", standby.state);
        fields.text("sync", standby.sync);
        fields.text("client_address", standby.client_address);
        fields.number("replay_lag_bytes", standby.replay_lag_bytes);
        fields.lsn("flushed", standby.flushed);
    });
    top.each("slots", [&](const Fields& fields) {
        SlotStatus& slot = status.slots.emplace_back();
        fields.text("name", slot.name);
        fields.text("type", slot.type);
        fields.truth("active", slot.active);
        fields.number("kept_bytes", slot.kept_bytes);
        fields.text("wal_status", slot.wal_status);
    });
}

void read_archive(const Fields& top, InstanceStatus& status) {
    top.object("archive", [&](const Fields& fields) {
        ArchiveReport& archive = status.archive.emplace();
        fields.text("target", archive.target);
        fields.text("last_wal", archive.last_wal);
        fields.text("last_at", archive.last_at);
        fields.number("backlog", archive.backlog);
        fields.text("failing_since", archive.failing_since);
        fields.text("last_error", archive.last_error);
        fields.text("restore_failing_since", archive.restore_failing_since);
        fields.text("restore_error", archive.restore_error);
        fields.number("archived", archive.archived);
        fields.number("archived_bytes", archive.archived_bytes);
        fields.number("stored_bytes", archive.stored_bytes);
        fields.number("failures", archive.failures);
        fields.number("restored", archive.restored);
        fields.text("awaited", archive.awaited);
        fields.object("stream", [&](const Fields& stream) {
            stream.lsn("position", archive.stream.position);
            stream.text("at", archive.stream.at);
            stream.text("failing_since", archive.stream.failing_since);
            stream.text("last_error", archive.stream.last_error);
        });
    });
}

void read_running(const Fields& fields, Instant now, std::optional<RunningJob>& into) {
    fields.object("running", [&](const Fields& job) {
        RunningJob& running = into.emplace();
        std::optional<Instant> since;
        job.text("id", running.id);
        job.text("step", running.step);
        job.number("bytes", running.done_bytes);
        job.number("total", running.total_bytes);
        job.text("since", running.began_at);
        job.age("for_s", now, since);
        job.truth("cancelling", running.cancelling);
        running.since = since.value_or(now);
    });
}

void read_jobs(const Fields& top, InstanceStatus& status) {
    top.object("backup", [&](const Fields& fields) {
        BackupsStatus& backup = status.backup;
        fields.text("last_id", backup.last_id);
        fields.text("last_at", backup.last_at);
        fields.text("last_failed_at", backup.last_failed_at);
        fields.text("last_error", backup.last_error);
        fields.text("first_recoverable_at", backup.first_recoverable_at);
        fields.text("recoverable_to", backup.recoverable_to);
        fields.texts("holes", backup.holes);
        fields.number("hole_count", backup.hole_count);
        fields.number("count", backup.count);
        fields.text("next_at", backup.next_at);
        read_running(fields, status.now, backup.running);
        fields.number("last_s", backup.last_seconds);
        fields.number("last_bytes", backup.last_bytes);
        fields.number("last_stored_bytes", backup.last_stored_bytes);
        fields.number("taken", backup.taken);
        fields.number("failed", backup.failed);
        fields.age("catalog_age_s", status.now, backup.looked_at);
        fields.text("catalog_error", backup.catalog_error);
    });
    top.object("drill", [&](const Fields& fields) {
        DrillStatus& drill = status.drill;
        fields.text("last_at", drill.last_at);
        if (fields.find("last_ok")) fields.truth("last_ok", drill.last_ok.emplace());
        fields.text("last_id", drill.last_id);
        fields.text("last_error", drill.last_error);
        fields.text("last_ok_at", drill.last_ok_at);
        fields.number("recovery_s", drill.recovery_s);
        fields.text("next_at", drill.next_at);
        read_running(fields, status.now, drill.running);
    });
}

void read_managed(const Fields& top, InstanceStatus& status) {
    top.object("managed", [&](const Fields& fields) {
        ManagedStatus& managed = status.managed.emplace();
        fields.number("accepted", managed.accepted);
        fields.number("first_term", managed.first_term);
        fields.text("primary", managed.primary);
        fields.text("upstream", managed.upstream);
        fields.truth("leads_standbys", managed.leads_standbys);
        std::optional<std::uint64_t> apply_delay_ms;
        fields.number("apply_delay_ms", apply_delay_ms);
        if (apply_delay_ms) managed.apply_delay = std::chrono::milliseconds(std::min(*apply_delay_ms, longest_age_ms));
        fields.truth("serving", managed.serving);
        fields.truth("holds_clients", managed.holds_clients);
        fields.truth("stopped", managed.stopped);
        fields.truth("able", managed.able);
        fields.truth("ending", managed.ending);
        fields.number("promotable_version", managed.promotable_version);
        fields.number("synchronous_version", managed.synchronous_version);
        fields.object("reach", [&](const Fields& reach) {
            std::uint32_t timeline = 0;
            std::optional<Lsn> lsn;
            reach.number("term", managed.reach.term);
            reach.number("timeline", timeline);
            reach.lsn("lsn", lsn);
            std::optional<std::uint64_t> age_ms;
            reach.number("age_ms", age_ms);
            managed.reach_age.reset();
            if (age_ms) managed.reach_age = std::chrono::milliseconds(std::min(*age_ms, longest_age_ms));
            managed.reach.timeline = Timeline{timeline};
            managed.reach.lsn = lsn.value_or(Lsn{});
        });
        fields.object("promised", [&](const Fields& promised) {
            std::uint32_t for_ms = 0;
            promised.number("term", managed.promised_term);
            promised.number("for_ms", for_ms);
            managed.promised_for = std::chrono::milliseconds(for_ms);
        });
        std::uint32_t bound_for_ms = 0;
        fields.number("bound_for_ms", bound_for_ms);
        managed.bound_for = std::chrono::milliseconds(bound_for_ms);
        fields.each("silent_members", [&](const Fields& member) {
            SilentMember& silent = managed.silent.emplace_back();
            std::optional<Instant> since;
            member.text("name", silent.name);
            member.text("why", silent.why);
            member.age("for_s", status.now, since);
            silent.since = since.value_or(status.now);
        });
    });
}

void read_machine(const Fields& top, InstanceStatus& status) {
    top.each("volumes", [&](const Fields& fields) {
        VolumeStatus& volume = status.volumes.emplace_back();
        fields.text("name", volume.name);
        fields.text("path", volume.path);
        fields.number("total_bytes", volume.total_bytes);
        fields.number("available_bytes", volume.available_bytes);
        fields.age("hangs_for_s", status.now, volume.hangs_since);
        fields.text("error", volume.error);
        fields.age("full_for_s", status.now, volume.full_since);
        fields.number("last_write_s", volume.last_write_s);
    });
    top.object("progress", [&](const Fields& fields) {
        ProgressStatus& progress = status.progress.emplace();
        fields.text("what", progress.what);
        fields.number("done_bytes", progress.done_bytes);
        fields.number("total_bytes", progress.total_bytes);
        fields.age("for_s", status.now, progress.since);
    });
    top.object("log", [&](const Fields& fields) {
        fields.number("waiting_bytes", status.log.waiting_bytes);
        fields.age("blocked_for_s", status.now, status.log.blocked_since);
        fields.number("lost_lines", status.log.lost_lines);
    });
}

JournalEntry read_entry(const Fields& fields) {
    JournalEntry entry;
    fields.number("id", entry.id);
    std::string at;
    fields.text("at", at);
    const auto time = read_moment(at);
    time && time->has_zone ? void(entry.at = time->time) : fields.complain("at");
    fields.text("kind", entry.kind);
    fields.text("what", entry.what);
    if (const Json* facts = fields.find("facts")) {
        if (!facts->is_object()) fields.complain("facts");
        for (const auto& [name, value] : facts->items()) {
            value.is_string() ? void(entry.facts.emplace_back(name, value)) : fields.complain("facts");
        }
    }
    return entry;
}

}  // namespace

Result<InstanceStatus> parse_status(std::string_view text) {
    const Json json = Json::parse(text, nullptr, false);
    InstanceStatus status;
    std::string error;
    const Fields top(json, "", error);
    read_identity(top, status);
    read_state(top, status);
    read_postgres(top, status);
    read_archive(top, status);
    read_jobs(top, status);
    read_machine(top, status);
    read_managed(top, status);
    if (!error.empty()) return fail(FaultKind::corrupt, "not a status that this version knows: " + error);
    return status;
}

Result<std::vector<JournalEntry>> parse_journal(std::string_view text) {
    const Json json = Json::parse(text, nullptr, false);
    std::vector<JournalEntry> entries;
    std::string error;
    const Fields top(json, "", error);
    top.each("entries", [&](const Fields& fields) { entries.push_back(read_entry(fields)); });
    if (!error.empty()) return fail(FaultKind::corrupt, "not a journal: " + error);
    return entries;
}

Problem parse_problem(int status, std::string_view body) {
    Problem problem{status, {}, {}, {}};
    const Json json = Json::parse(body, nullptr, false);
    if (json.is_object()) {
        std::string error;
        const Fields top(json, "", error);
        top.text("detail", problem.detail);
        top.text("hint", problem.hint);
    }
    if (problem.detail.empty()) problem.detail = body.substr(0, std::min(body.find_first_of("\r\n"), std::size_t{200}));
    if (problem.detail.empty()) problem.detail = reason_phrase(status);
    return problem;
}

}  // namespace pgbosun::http
