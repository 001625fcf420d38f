#include "app/http_instance_client.hpp"

#include <utility>

#include "http/backup_wire.hpp"
#include "http/client.hpp"
#include "http/wire.hpp"

namespace pgbosun::app {
namespace {

// A store that hangs delays the identifier; see supervision/jobs.cpp.
constexpr Duration longest_start = std::chrono::seconds(30);
// The API's own wait is as long.
constexpr Duration longest_cancel = std::chrono::seconds(30) + answer_margin;

class HttpInstanceClient final : public InstanceClient {
public:
    HttpInstanceClient(http::Client client, std::string where, std::string token)
        : client_(std::move(client)), where_(std::move(where)), token_(std::move(token)) {}

    Result<StatusReply> status() override {
        auto body = get("/v1/status");
        if (!body) return std::unexpected(std::move(body).error());
        auto status = http::parse_status(*body);
        if (!status) return std::unexpected(std::move(status).error().in(where_));
        return StatusReply{std::move(*status), std::move(*body)};
    }

    Result<CommandReply> command(const ControlRequest& request) override {
        const auto wait_ms = std::chrono::duration_cast<std::chrono::milliseconds>(request.wait).count();
        auto question = ask("/v1/" + std::string(to_string(request.verb)) + "?wait=" + std::to_string(wait_ms) + "ms");
        question.method = "POST";
        question.body = http::render_control(request);
        question.timeout = request.wait + answer_margin;
        const auto answered = client_.request(question);
        if (!answered) return std::unexpected(Fault(answered.error()).in(where_));
        const auto outcome = outcome_of(answered->status);
        if (outcome == Outcome::done || outcome == Outcome::under_way) return CommandReply{outcome, "", ""};
        auto problem = http::parse_problem(answered->status, answered->body);
        return CommandReply{outcome, std::move(problem.detail), std::move(problem.hint)};
    }

    Result<JobReply> start_backup(const JobRequest& request) override {
        auto question = ask("/v1/backups");
        question.method = "POST";
        question.body = http::render_job(request);
        question.timeout = longest_start;
        return job(std::move(question));
    }

    Result<JobReply> cancel_backup(const std::string& id) override {
        JobRequest request;
        request.verb = JobVerb::remove_backup;
        request.only_running = true;
        auto question = ask("/v1/backups/" + id);
        question.method = "DELETE";
        question.body = http::render_job(request);
        question.timeout = longest_cancel;
        return job(std::move(question));
    }

    Result<std::vector<JournalEntry>> journal(std::uint64_t after) override {
        const auto body = get("/v1/journal?since=" + std::to_string(after));
        if (!body) return std::unexpected(body.error());
        auto entries = http::parse_journal(*body);
        if (!entries) return std::unexpected(std::move(entries).error().in(where_));
        return entries;
    }

private:
    Result<JobReply> job(http::Question question) {
        const auto answered = client_.request(question);
        if (!answered) return std::unexpected(Fault(answered.error()).in(where_));
        const auto outcome = outcome_of(answered->status);
        if (outcome == Outcome::done || outcome == Outcome::under_way) {
            auto answer = http::parse_job_answer(answered->body);
            if (!answer) return std::unexpected(std::move(answer.error()).in(where_));
            return JobReply{outcome, std::move(answer->id), std::move(answer->detail), ""};
        }
        auto problem = http::parse_problem(answered->status, answered->body);
        return JobReply{outcome, "", std::move(problem.detail), std::move(problem.hint)};
    }

    http::Question ask(std::string target) const {
        http::Question question;
        question.target = std::move(target);
        if (!token_.empty()) question.token = token_;
        question.timeout = answer_margin;
        return question;
    }

    Result<std::string> get(std::string target) const {
        auto answered = client_.request(ask(std::move(target)));
        if (!answered) return std::unexpected(std::move(answered).error().in(where_));
        if (answered->status == 200) return std::move(answered->body);
        const auto problem = http::parse_problem(answered->status, answered->body);
        return fail(FaultKind::refused, where_ + ": " + problem.detail, problem.hint);
    }

    http::Client client_;
    std::string where_;
    std::string token_;
};

}  // namespace

Result<std::unique_ptr<InstanceClient>> connect_instance(const ClientTarget& target) {
    if (const auto* socket = std::get_if<SocketTarget>(&target)) {
        return std::make_unique<HttpInstanceClient>(http::Client::unix_socket(socket->path), socket->path, "");
    }
    const auto& address = std::get<UrlTarget>(target);
    http::ClientTrust trust;
    if (!address.ca_file.empty()) trust.ca_file = address.ca_file;
    if (!address.cert_file.empty()) {
        trust.cert_file = address.cert_file;
        trust.key_file = address.key_file;
    }
    auto client = http::Client::url(address.url, std::move(trust));
    if (!client) return std::unexpected(std::move(client).error());
    return std::make_unique<HttpInstanceClient>(std::move(*client), address.url, address.token);
}

}  // namespace pgbosun::app
