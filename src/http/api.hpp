#pragma once
// From a request to its answer, apart from sockets: finds the route, asks for access, reads query and body, answers.

#include <optional>
#include <string>
#include <variant>

#include "http/access.hpp"
#include "http/message.hpp"
#include "http/query.hpp"
#include "http/routes.hpp"
#include "http/site.hpp"
#include "http/traffic.hpp"
#include "pgbosun/instance_control.hpp"
#include "pgbosun/journal.hpp"

namespace pgbosun::http {

inline constexpr Duration default_wait = std::chrono::seconds(30);
inline constexpr std::size_t max_journal_entries = 1000;

class Api final : public Site {
public:
    // All are borrowed and outlive the Api.
    Api(InstanceControl& control, Journal& journal, const Traffic& traffic);

    // Fills in the response; or returns work, which the caller carries out.
    std::optional<Work> answer(const Request& request, const Peer& peer, Entrance entrance,
                               const Credentials& credentials, Response& response) override;
    Task<> carry_out(Work work, Response& response) override;
    [[nodiscard]] bool is_check(const Request& request) const override;

    static void refuse(const Problem& problem, Response& response);

private:
    std::optional<Work> serve(const Route& route, const Request& request, const Query& query, const Peer& peer,
                              const Credentials& credentials, Response& response);
    void serve_probe(Probe probe, const Query& query, Response& response);
    void serve_role(RoleCheck check, const Request& request, const Query& query, Response& response);
    void serve_document(Document document, const Request& request, const Query& query, Response& response);
    void serve_backups(const Query& query, Response& response);
    void serve_backup(const Request& request, const Query& query, Response& response);
    void serve_journal(const Query& query, Response& response);
    void serve_events(const Request& request, const Query& query, Response& response);
    std::optional<ControlRequest> read_command(Verb verb, const Request& request, const Query& query,
                                               std::string asked_by, Response& response);
    std::optional<JobRequest> read_job(const Route& route, const Request& request, const Query& query,
                                       std::string asked_by, Response& response);
    std::optional<Work> read_right(RightVerb verb, const Request& request, const Query& query, Response& response);
    Task<> carry_out_assignment(Assignment assignment, Response& response);
    Task<> carry_out_promise(PromiseRequest request, Response& response);
    Task<> carry_out_command(ControlRequest request, Response& response);
    Task<> carry_out_job(JobRequest request, Response& response);
    void append_status(std::string& out);

    InstanceControl& control_;
    Journal& journal_;
    const Traffic& traffic_;

    // The slow part of the status text. It is kept while the state is the same, and not longer than `state_age`:
    // the ages in it grow.
    std::string state_text_;
    std::optional<std::uint64_t> state_revision_;
    Instant state_at_{};
};

}  // namespace pgbosun::http
