#include "http/backup_wire.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "http/request_body.hpp"
#include "http/running_job_wire.hpp"
#include "http/wrong_request.hpp"
#include "pgbosun/backup_name.hpp"
#include "pgbosun/moment.hpp"

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

std::string_view state_of(Answer answer) {
    switch (answer) {
        case Answer::done: return "done";
        case Answer::under_way: return "running";
        case Answer::refused: return "refused";
        case Answer::failed: return "failed";
    }
    std::unreachable();
}

// What becomes an argument of a program.
Result<> read_word(const std::string& name, const Json& value, std::size_t most, std::string& into) {
    if (auto read = read_line(name, value, most, into); !read) return read;
    if (into.empty()) return wrong_field(name, "is empty", "leave it out");
    if (into.starts_with('-')) return wrong_field(name, "must not begin with -", "begin it with something else");
    return {};
}

Result<> read_name(const std::string& name, const Json& value, std::string& into) {
    if (auto read = read_word(name, value, max_backup_name_bytes, into); !read) return read;
    if (const auto fine = check_backup_name(into); !fine)
        return wrong_field(name, fine.error().what, fine.error().hint);
    return {};
}

Result<> read_moment(const std::string& name, const Json& value, WallTime now, std::string& into) {
    if (auto read = read_word(name, value, max_backup_name_bytes, into); !read) return read;
    const auto moment = parse_moment(into);
    if (!moment) return wrong_field(name, moment.error().what, moment.error().hint);
    if (*moment > now) return wrong_field(name, "is not over yet", "choose a time before " + to_iso8601(now));
    return {};
}

Result<> read_checks(const std::string& name, const Json& value, std::vector<std::string>& into) {
    if (!value.is_array() || value.size() > max_checks) {
        return wrong_field(name, "must be a list of at most 20 statements", R"(write it as ["select true"])");
    }
    for (const auto& check : value) {
        if (auto read = read_word(name, check, max_check_bytes, into.emplace_back()); !read) return read;
    }
    return {};
}

Result<> read_field(const std::string& name, const Json& value, WallTime now, JobRequest& request) {
    switch (request.verb) {
        case JobVerb::start_backup:
            if (name == "name") return read_name(name, value, request.name);
            if (name != "incremental") return unknown_field(name, "here", {"name", "incremental"});
            if (!value.is_boolean())
                return wrong_field(name, "must be true or false", "write it without quotation marks");
            request.incremental = value.get<bool>();
            return {};
        case JobVerb::start_drill:
            if (name == "to_time") return read_moment(name, value, now, request.target_time);
            if (name == "checks") return read_checks(name, value, request.checks);
            return unknown_field(name, "here", {"to_time", "checks"});
        case JobVerb::remove_backup:
            if (name != "only_running") return unknown_field(name, "here", {"only_running"});
            if (!value.is_boolean())
                return wrong_field(name, "must be true or false", "write it without quotation marks");
            request.only_running = value.get<bool>();
            return {};
    }
    std::unreachable();
}

std::string example_of(JobVerb verb) {
    switch (verb) {
        case JobVerb::start_backup: return R"({"name": "before-migration"})";
        case JobVerb::start_drill: return R"({"to_time": "2026-01-30 10:00:00+00"})";
        case JobVerb::remove_backup: return R"({"only_running": true})";
    }
    std::unreachable();
}

}  // namespace

std::string render_backups(const CatalogSummary* catalog, const InstanceStatus& status) {
    Json json;
    json["running"] = status.backup.running ? running_json(*status.backup.running, status.now) : Json();
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
    Json json = running_json(running, now);
    json["state"] = "running";
    return text_of(json);
}

std::string render_job_answer(const JobAnswer& answer) {
    return text_of(
        {{"id", text_or_null(answer.id)}, {"state", state_of(answer.answer)}, {"detail", text_or_null(answer.detail)}});
}

Result<JobRequest> parse_job(JobVerb verb, std::string_view body, WallTime now) {
    JobRequest request;
    request.verb = verb;
    if (body.empty()) return request;
    const auto json = parse_body(body, example_of(verb));
    if (!json) return std::unexpected(json.error());
    for (const auto& [name, value] : json->items()) {
        if (auto read = read_field(name, value, now, request); !read) return std::unexpected(read.error());
    }
    return request;
}

std::string render_job(const JobRequest& request) {
    Json json = Json::object();
    if (!request.name.empty()) json["name"] = request.name;
    if (request.incremental) json["incremental"] = *request.incremental;
    if (!request.target_time.empty()) json["to_time"] = request.target_time;
    if (!request.checks.empty()) json["checks"] = request.checks;
    if (request.only_running) json["only_running"] = true;
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
