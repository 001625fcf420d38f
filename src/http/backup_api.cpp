// The part of Api that is about backups and drills.
#include "http/api.hpp"
#include "http/backup_wire.hpp"
#include "http/wire.hpp"
#include "http/wrong_request.hpp"
#include "pgbosun/backup_name.hpp"

namespace pgbosun::http {
namespace {

Problem no_such_backup(std::string_view id) {
    return {404, "there is no backup " + std::string(id), "GET /v1/backups lists them", {}};
}

}  // namespace

void Api::serve_backups(const Query& query, Response& response) {
    if (const auto problem = unknown_parameter(query, {})) return refuse(*problem, response);
    response.body = render_backups(control_.catalog(), control_.status());
}

void Api::serve_backup(const Request& request, const Query& query, Response& response) {
    if (const auto problem = unknown_parameter(query, {})) return refuse(*problem, response);
    const auto path = split_target(request.target).path;
    const auto id = path.substr(path.rfind('/') + 1);
    const InstanceStatus& status = control_.status();
    if (status.backup.running && status.backup.running->id == id) {
        response.body = render_running(*status.backup.running, status.now);
        return;
    }
    const CatalogSummary* catalog = control_.catalog();
    if (catalog == nullptr) {
        return refuse(
            {503, "the archive's catalog has not been read yet", "ask again in a moment", "Retry-After: 1\r\n"},
            response);
    }
    for (const auto& entry : catalog->backups) {
        if (entry.id != id && entry.name != id) continue;
        response.body = render_backup(entry);
        return;
    }
    refuse(no_such_backup(id), response);
}

std::optional<JobRequest> Api::read_job(const Route& route, const Request& request, const Query& query,
                                        std::string asked_by, Response& response) {
    const auto refuse_with = [&](const Problem& problem) {
        refuse(problem, response);
        return std::nullopt;
    };
    const JobVerb verb = std::get<JobVerb>(route.endpoint);
    if (const auto problem = unknown_parameter(query, {"wait"})) return refuse_with(*problem);
    const auto given = read_wait(query);
    if (given.problem) return refuse_with(*given.problem);
    const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    auto job = parse_job(verb, request.body, now);
    if (!job) return refuse_with({400, job.error().what, job.error().hint, {}});
    if (verb == JobVerb::remove_backup) {
        job->id = parameter_of(route, split_target(request.target).path);
        if (!is_backup_identifier(job->id)) return refuse_with(no_such_backup(job->id));
    }
    // A backup takes its time: who does not ask to wait gets its identifier at once.
    job->wait = given.wait.value_or(verb == JobVerb::remove_backup ? default_wait : Duration::zero());
    job->asked_by = std::move(asked_by);
    return std::move(*job);
}

Task<> Api::carry_out_job(JobRequest request, Response& response) {
    const JobAnswer answer = co_await control_.job(std::move(request));
    switch (answer.answer) {
        case Answer::done: response.status = 200; break;
        case Answer::under_way: response.status = 202; break;
        case Answer::refused: refuse({answer.unknown ? 404 : 409, answer.detail, answer.hint, {}}, response); co_return;
        case Answer::failed: refuse({500, answer.detail, answer.hint, {}}, response); co_return;
    }
    response.body = render_job_answer(answer);
}

}  // namespace pgbosun::http
