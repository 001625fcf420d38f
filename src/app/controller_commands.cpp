#include "app/controller_commands.hpp"

#include <algorithm>
#include <ostream>

#include "http/client.hpp"
#include "http/controller_api.hpp"
#include "http/wire.hpp"
#include "pgbosun/waiting_commits.hpp"

namespace pgbosun::app {
namespace {

constexpr auto usual_url = "http://127.0.0.1:8009";
constexpr std::size_t longest_token = 4096;
constexpr Duration between_looks = std::chrono::milliseconds(100);

struct Target {
    http::Client client;
    http::ClientTrust trust;
    std::optional<std::string> token;
};

Result<Target> choose(const ControllerWhereabouts& where, const ControllerConsole& console) {
    const std::string url =
        where.url.value_or(console.environment.variable("PGBOSUN_CONTROLLER_URL").value_or(usual_url));
    http::ClientTrust trust;
    trust.ca_file = where.ca_file;
    auto client = http::Client::url(url, trust, "8009");
    if (!client) return std::unexpected(std::move(client.error()));
    Target target{std::move(*client), std::move(trust), std::nullopt};
    if (!where.token_file) return target;
    auto token = console.outside.read(*where.token_file, longest_token);
    if (!token) return std::unexpected(std::move(token.error()).in("--token-file"));
    token->erase(token->find_last_not_of(" \t\r\n") + 1);
    target.token = std::move(*token);
    return target;
}

ExitCode report(const Fault& fault, const ControllerConsole& console) {
    console.err << "pgbosun-controller: " << fault.text() << "\n";
    return fault.kind == FaultKind::unavailable ? ExitCode::no_answer
           : fault.kind == FaultKind::refused   ? ExitCode::wrong_usage
                                                : ExitCode::failed;
}

Result<std::string> ask_status(const Target& target) {
    http::Question question;
    question.target = "/v1/status";
    question.timeout = std::chrono::seconds(5);
    auto answered = target.client.request(question);
    if (!answered) return std::unexpected(std::move(answered.error()));
    if (answered->status == 200) return std::move(answered->body);
    const auto problem = http::parse_problem(answered->status, answered->body);
    return fail(FaultKind::unavailable, problem.detail, problem.hint);
}

Result<ControllerStatus> look(const Target& target) {
    const auto text = ask_status(target);
    if (!text) return std::unexpected(text.error());
    return http::parse_controller_status(*text);
}

std::string followed(const std::string& source) {
    return source == archive_source ? "the archive that bootstrap.recovery.source of each instance names" : source;
}

std::string path_of(ControllerVerb verb) {
    switch (verb) {
        case ControllerVerb::switchover: return "/v1/switchover";
        case ControllerVerb::failover: return "/v1/failover";
        case ControllerVerb::pause: return "/v1/pause";
        case ControllerVerb::resume: return "/v1/resume";
        case ControllerVerb::demote_cluster: return "/v1/demote-cluster";
        case ControllerVerb::promote_cluster: return "/v1/promote-cluster";
    }
    std::unreachable();
}

// none: not over yet.
std::optional<ExitCode> outcome(const ControllerVerbCommand& command, const ControllerStatus& before,
                                const ControllerStatus& now, const ControllerConsole& console) {
    if (command.verb == ControllerVerb::pause || command.verb == ControllerVerb::resume) {
        if (now.paused != (command.verb == ControllerVerb::pause)) return std::nullopt;
        console.out << (now.paused ? "paused: no failover by itself\n" : "resumed\n");
        return ExitCode::done;
    }
    if (command.verb == ControllerVerb::demote_cluster) {
        if (now.source != command.source) return std::nullopt;
        console.out << "the cluster follows " << followed(now.source) << "\n";
        return ExitCode::done;
    }
    if (now.serving && now.term > before.term) {
        console.out << now.primary << " is the primary (term " << now.term << ")\n";
        if (command.to.empty() || command.to == now.primary) return ExitCode::done;
        console.err << "pgbosun-controller: it is not the instance that was asked for\n";
        return ExitCode::failed;
    }
    if (!now.leads || !now.wanted.empty() || now.term > before.term || !now.serving) return std::nullopt;
    console.err << "pgbosun-controller: it did not come to it; " << now.primary << " is the primary still"
                << (now.waits_for.empty() ? "" : ": " + now.waits_for) << "\n";
    return ExitCode::failed;
}

// A client that has found a follower goes on with the leader, where it can be reached from here.
Result<ControllerStatus> find_leader(Target& target) {
    auto status = look(target);
    if (!status || status->leads || status->leader_url.empty()) return status;
    auto leader = http::Client::url(status->leader_url, target.trust, "8009");
    if (!leader) return status;
    Target other{std::move(*leader), target.trust, target.token};
    auto seen = look(other);
    if (!seen) return status;
    target = std::move(other);
    return seen;
}

std::string position_of(const InstanceStatus& status) {
    const auto& standby = status.lsn.received ? status.lsn.received : status.lsn.replayed;
    const auto& lsn = status.role == Role::primary ? status.lsn.current : standby;
    return lsn ? to_string(*lsn) : "-";
}

void append_padded(std::string& out, const std::string& text, std::size_t width) {
    out.append(text).append(text.size() < width ? width - text.size() : 1, ' ');
}

void append_instance(std::string& out, const SeenInstance& seen) {
    append_padded(out, "  " + seen.name, 20);
    if (seen.status) {
        append_padded(out, std::string(to_string(seen.status->role)), 10);
        append_padded(out, std::string(to_string(seen.status->phase)), 12);
        append_padded(out, "term " + std::to_string(seen.status->term), 10);
        append_padded(out, position_of(*seen.status), 14);
        if (seen.status->lsn.lag_bytes) out.append("lag " + std::to_string(*seen.status->lsn.lag_bytes) + " B  ");
    }
    const std::string said = seen.status ? seen.status->reason : "";
    if (!seen.trouble.empty() || !said.empty()) out.append("! " + (seen.trouble.empty() ? said : seen.trouble));
    out.erase(out.find_last_not_of(' ') + 1);
    out.append("\n");
}

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) text.append(text.empty() ? "" : ", ").append(name);
    return text;
}

// As the primary sees its standbys.
std::string commits_wait_at(const ControllerStatus& status) {
    const auto primary = std::ranges::find(status.instances, status.primary, &SeenInstance::name);
    if (!status.serving || primary == status.instances.end() || !primary->status) return {};
    return commits_wait(primary->status->standbys, status.synchronous.number);
}

}  // namespace

std::string controller_status_text(const ControllerStatus& status) {
    std::string out = "cluster     " + status.cluster + "\n";
    const std::string primary = status.primary.empty() ? "none yet" : status.primary;
    if (status.source.empty()) {
        out.append("primary     " + primary + (status.serving ? ", takes writes" : ", does not serve"));
    } else {
        out.append("follows     " + followed(status.source));
    }
    out.append(" (term " + std::to_string(status.term) + ")\n");
    if (!status.waits_for.empty()) out.append("waits       " + status.waits_for + "\n");
    if (!status.candidates.empty()) out.append("failover    could take over: " + joined(status.candidates) + "\n");
    if (!status.no_candidate.empty()) out.append("failover    nobody could take over: " + status.no_candidate + "\n");
    if (!status.wanted.empty()) out.append("on the way  to " + status.wanted + "\n");
    if (status.paused) out.append("paused      no failover by itself (resume: pgbosun-controller resume)\n");
    if (status.synchronous.number > 0) {
        out.append("synchronous " + std::to_string(status.synchronous.number) + " of");
        for (const auto& name : status.synchronous.names) out.append(" " + name);
        if (const auto why = commits_wait_at(status); !why.empty()) out.append(", " + why);
        out.append("\n");
    }
    out.append("controller  " + (status.leader.empty() ? std::string("none leads") : status.leader + " leads") + "\n");
    out.append("record      " + status.record_at + (status.record_answers ? "" : ", does not answer"));
    if (!status.record_trouble.empty()) out.append(": " + status.record_trouble);
    out.append("\n");
    out.append("instances\n");
    for (const auto& seen : status.instances) append_instance(out, seen);
    return out;
}

ExitCode show_controller(const ControllerStatusCommand& command, const ControllerConsole& console) {
    auto target = choose(command.where, console);
    if (!target) return report(target.error(), console);
    const auto status = find_leader(*target);
    if (!status) return report(status.error(), console);
    console.out << (command.format == StatusFormat::text ? controller_status_text(*status)
                                                         : http::render_controller_status(*status));
    return ExitCode::done;
}

ExitCode carry_out_controller(const ControllerVerbCommand& command, const ControllerConsole& console) {
    auto target = choose(command.where, console);
    if (!target) return report(target.error(), console);
    const auto before = find_leader(*target);
    if (!before) return report(before.error(), console);
    http::Question question;
    question.method = "POST";
    question.target = path_of(command.verb);
    question.body = http::render_wish({command.to, command.source, command.lost});
    question.token = target->token;
    const auto answered = target->client.request(question);
    if (!answered) return report(answered.error(), console);
    if (answered->status >= 300) {
        const auto problem = http::parse_problem(answered->status, answered->body);
        report(Fault{FaultKind::refused, problem.detail, problem.hint}, console);
        return answered->status == 409 || answered->status == 307 ? ExitCode::refused : ExitCode::failed;
    }
    for (Duration left = command.wait; left > Duration::zero(); left -= between_looks) {
        const auto now = look(*target);
        // A controller that has just lost its leadership, or is away for a moment, is asked again.
        if (now) {
            if (const auto code = outcome(command, *before, *now, console)) return *code;
        }
        console.pause(between_looks);
    }
    if (command.wait == Duration::zero()) return ExitCode::done;
    console.err << "pgbosun-controller: it is still under way; `pgbosun-controller status` shows what it waits for\n";
    return ExitCode::failed;
}

}  // namespace pgbosun::app
