#include <algorithm>
#include <ostream>
#include <utility>

#include "app/client_commands.hpp"
#include "app/control_progress.hpp"
#include "app/progress_line.hpp"
#include "app/value_text.hpp"
#include "app/work_text.hpp"

namespace pgbosun::app {
namespace {

// The first answer is waited for so long; then the status is watched, so that progress can be shown.
constexpr Duration first_wait = std::chrono::seconds(5);
// A pgbosun that has gone is started again by its container's runtime within this, or not at all.
constexpr Duration gone_after = std::chrono::seconds(5);
// The longest that the API waits (docs/http-api.md).
constexpr Duration longest_wait = std::chrono::seconds(300);

bool leaves_no_trace(Verb verb) { return verb == Verb::checkpoint || verb == Verb::reload; }

std::string_view past_of(Verb verb) {
    switch (verb) {
        case Verb::fence: return "fenced";
        case Verb::unfence: return "no longer fenced";
        case Verb::restart: return "restarted";
        case Verb::reload: return "reloaded";
        case Verb::checkpoint: return "checkpoint done";
        case Verb::promote: return "is the primary";
        case Verb::demote: return "is a standby";
        case Verb::reclone: return "cloned anew";
    }
    std::unreachable();
}

void tell(const Console& console, const std::string& detail, const std::string& hint) {
    console.err << "pgbosun: " << detail;
    if (!hint.empty()) console.err << " (hint: " << hint << ")";
    console.err << std::endl;
}

ExitCode done(Verb verb, const Console& console) {
    console.out << past_of(verb) << std::endl;
    return ExitCode::done;
}

ExitCode not_over(const ControlCommand& command, const Console& console) {
    if (command.wait == Duration::zero()) {
        console.out << to_string(command.verb) << " is under way" << std::endl;
        return ExitCode::done;
    }
    tell(console,
         std::string(to_string(command.verb)) + " was not over within " + duration_text(command.wait) + "; it goes on",
         "see \"pgbosun status --watch\", or give a longer --wait");
    return ExitCode::failed;
}

ExitCode watch_it(const ControlCommand& command, InstanceClient& client, const Console& console) {
    ProgressLine line(console);
    Duration silent{};
    for (auto waited = first_wait; waited < command.wait; waited += watch_interval) {
        if (!console.pause(watch_interval)) break;
        const auto reply = client.status();
        if (!reply && silent >= gone_after) {
            line.clear();
            tell(console,
                 "pgbosun has gone while " + std::string(to_string(command.verb)) +
                     " was under way: " + reply.error().what,
                 "its log says why; started again it goes on from what is on its volume");
            return ExitCode::no_answer;
        }
        if (!reply) {
            silent += watch_interval;
            line.show("nobody answers: " + reply.error().text());
            continue;
        }
        silent = Duration::zero();
        const auto progress = judge(command.verb, reply->status, waited);
        if (progress == Progress::going_on) {
            line.show(progress_text(reply->status));
            continue;
        }
        line.clear();
        if (progress == Progress::reached) return done(command.verb, console);
        tell(console, std::string(to_string(command.verb)) + " failed: " + reply->status.reason, reply->status.hint);
        return ExitCode::failed;
    }
    line.clear();
    return not_over(command, console);
}

ControlRequest request_for(const ControlCommand& command) {
    ControlRequest request;
    request.verb = command.verb;
    request.reason = command.reason;
    request.force = command.force;
    request.upstream = command.upstream;
    request.wait = std::min(command.wait, leaves_no_trace(command.verb) ? longest_wait : first_wait);
    return request;
}

}  // namespace

Progress judge(Verb verb, const InstanceStatus& status, Duration since_asked) {
    const auto reached_if = [](bool reached) { return reached ? Progress::reached : Progress::going_on; };
    const bool running = status.phase == Phase::running;
    if (leaves_no_trace(verb)) return Progress::going_on;
    if (verb == Verb::fence) {
        return reached_if(status.fenced && status.phase == Phase::fenced && status.postgres.pid == 0);
    }
    if (status.phase == Phase::failed) return Progress::missed;
    if (verb == Verb::unfence) return reached_if(!status.fenced);
    if (verb == Verb::promote) return reached_if(running && status.role == Role::primary);
    if (verb == Verb::demote) return reached_if(running && status.role == Role::standby);
    const auto& started_at = status.postgres.started_at;
    return reached_if(running && started_at && status.now - *started_at <= since_asked);
}

std::string progress_text(const InstanceStatus& status) {
    std::string text(to_string(status.phase));
    if (status.progress) {
        const auto& work = *status.progress;
        const Duration elapsed = work.since ? status.now - *work.since : Duration::zero();
        text += ": " + work_text(work.what, work.done_bytes, work.total_bytes, elapsed);
    } else if (!status.reason.empty()) {
        text += ": " + status.reason;
    }
    return text;
}

ExitCode carry_out(const ControlCommand& command, InstanceClient& client, const Console& console) {
    const auto reply = client.command(request_for(command));
    if (!reply) return report(reply.error(), console);
    switch (reply->outcome) {
        case Outcome::done: return done(command.verb, console);
        case Outcome::under_way:
            if (leaves_no_trace(command.verb) || command.wait <= first_wait) return not_over(command, console);
            return watch_it(command, client, console);
        case Outcome::refused: tell(console, "refused: " + reply->detail, reply->hint); return ExitCode::refused;
        case Outcome::not_allowed:
        case Outcome::misunderstood: tell(console, reply->detail, reply->hint); return ExitCode::wrong_usage;
        case Outcome::failed: tell(console, reply->detail, reply->hint); return ExitCode::failed;
    }
    std::unreachable();
}

}  // namespace pgbosun::app
