#include "http/backup_wire.hpp"

#include <nlohmann/json.hpp>

#include "pgbosun/backup_name.hpp"

namespace pgbosun::http {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }
Json number_or_null(std::uint64_t number) { return number == 0 ? Json() : Json(number); }
Json time_or_null(const std::optional<WallTime>& time) { return time ? Json(to_iso8601(*time)) : Json(); }

Json entry_of(const CatalogEntry& entry) {
    return {{"id", entry.id},
            {"name", text_or_null(entry.name)},
            {"state", entry.status},
            {"kind", entry.kind},
            {"parent", text_or_null(entry.parent)},
            {"error", text_or_null(entry.error)},
            {"keep", text_or_null(entry.keep)},
            {"instance", text_or_null(entry.instance)},
            {"begin_at", time_or_null(entry.begin_at)},
            {"end_at", time_or_null(entry.end_at)},
            {"begin_wal", text_or_null(entry.begin_wal)},
            {"end_wal", text_or_null(entry.end_wal)},
            {"begin_lsn", text_or_null(entry.begin_lsn)},
            {"end_lsn", text_or_null(entry.end_lsn)},
            {"timeline", number_or_null(entry.timeline)},
            {"bytes", number_or_null(entry.bytes)},
            {"stored_bytes", number_or_null(entry.stored)}};
}

Json running_of(const RunningJob& running, Instant now) {
    const auto seconds = std::chrono::duration_cast<std::chrono::milliseconds>(now - running.since).count();
    return {{"id", text_or_null(running.id)},  {"step", running.step},
            {"bytes", running.done_bytes},     {"total", number_or_null(running.total_bytes)},
            {"since", running.began_at},       {"for_s", static_cast<double>(seconds) / 1000.0},
            {"cancelling", running.cancelling}};
}

std::string_view state_of(Answer answer) {
    switch (answer) {
        case Answer::done: return "done";
        case Answer::under_way: return "running";
        case Answer::refused: return "refused";
        case Answer::failed: return "failed";
    }
    std::unreachable();
}

std::unexpected<Fault> wrong_field(const std::string& name, std::string_view wanted) {
    return fail(FaultKind::refused, "field \"" + name.substr(0, 100) + "\": " + std::string(wanted));
}

Result<> read_text(const std::string& name, const Json& value, std::size_t most, std::string& into) {
    if (!value.is_string()) return wrong_field(name, "must be a string");
    into = value.get<std::string>();
    if (into.empty() || into.size() > most)
        return wrong_field(name, "must have 1 to " + std::to_string(most) + " bytes");
    for (const char c : into) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return wrong_field(name, "holds a control character");
    }
    // It becomes an argument of a program.
    if (into.starts_with('-')) return wrong_field(name, "must not begin with -");
    return {};
}

Result<> read_checks(const std::string& name, const Json& value, std::vector<std::string>& into) {
    if (!value.is_array() || value.size() > max_checks)
        return wrong_field(name, "must be a list of at most 20 statements");
    for (const auto& check : value) {
        if (auto read = read_text(name, check, max_check_bytes, into.emplace_back()); !read) return read;
    }
    return {};
}

Result<> read_field(const std::string& name, const Json& value, JobRequest& request) {
    const bool backup = request.verb == JobVerb::start_backup;
    const bool drill = request.verb == JobVerb::start_drill;
    if (name == "name" && backup) {
        if (auto read = read_text(name, value, max_backup_name_bytes, request.name); !read) return read;
        if (const auto fine = check_backup_name(request.name); !fine) return wrong_field(name, fine.error().what);
        return {};
    }
    if (name == "incremental" && backup) {
        if (!value.is_boolean()) return wrong_field(name, "must be true or false");
        request.incremental = value.get<bool>();
        return {};
    }
    if (name == "to_time" && drill) return read_text(name, value, max_backup_name_bytes, request.target_time);
    if (name == "checks" && drill) return read_checks(name, value, request.checks);
    return wrong_field(name, "is not known here");
}

}  // namespace

std::string render_backups(const CatalogSummary* catalog, const InstanceStatus& status) {
    Json json;
    json["running"] = status.backup.running ? running_of(*status.backup.running, status.now) : Json();
    json["count"] = catalog ? Json(catalog->count) : Json();
    json["age_s"] = status.backup.looked_at
                        ? Json(std::chrono::duration<double>(status.now - *status.backup.looked_at).count())
                        : Json();
    json["error"] = status.backup.catalog_error ? Json(*status.backup.catalog_error) : Json();
    json["backups"] = Json::array();
    if (catalog) {
        for (const auto& entry : catalog->backups) json["backups"].push_back(entry_of(entry));
    }
    return text_of(json);
}

std::string render_backup(const CatalogEntry& entry) { return text_of(entry_of(entry)); }

std::string render_running(const RunningJob& running, Instant now) {
    Json json = running_of(running, now);
    json["state"] = "running";
    return text_of(json);
}

std::string render_job_answer(const JobAnswer& answer) {
    return text_of(
        {{"id", text_or_null(answer.id)}, {"state", state_of(answer.answer)}, {"detail", text_or_null(answer.detail)}});
}

Result<JobRequest> parse_job(JobVerb verb, std::string_view body) {
    JobRequest request;
    request.verb = verb;
    if (body.empty()) return request;
    const Json json = Json::parse(body, nullptr, false);
    if (!json.is_object()) return fail(FaultKind::refused, "the body is not a JSON object");
    for (const auto& [name, value] : json.items()) {
        if (auto read = read_field(name, value, request); !read) return std::unexpected(read.error());
    }
    return request;
}

std::string render_job(const JobRequest& request) {
    Json json = Json::object();
    if (!request.name.empty()) json["name"] = request.name;
    if (request.incremental) json["incremental"] = *request.incremental;
    if (!request.target_time.empty()) json["to_time"] = request.target_time;
    if (!request.checks.empty()) json["checks"] = request.checks;
    return text_of(json);
}

Result<JobAnswer> parse_job_answer(std::string_view body) {
    const Json json = Json::parse(body, nullptr, false);
    JobAnswer answer;
    const auto text = [&](const char* key, std::string& into) {
        const auto found = json.find(key);
        if (found != json.end() && found->is_string()) into = found->get<std::string>();
    };
    if (!json.is_object() || !json.contains("state")) return fail(FaultKind::corrupt, "not an answer about a job");
    text("id", answer.id);
    text("detail", answer.detail);
    answer.answer = json["state"] == "done" ? Answer::done : Answer::under_way;
    return answer;
}

}  // namespace pgbosun::http
