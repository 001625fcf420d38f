#include "app/client_commands.hpp"

#include <ostream>

#include "app/journal_text.hpp"

namespace pgbosun::app {
namespace {

constexpr auto clear_screen = "\x1b[H\x1b[2J";

void print_status(const StatusReply& reply, StatusFormat format, const Console& console) {
    if (format == StatusFormat::json) {
        console.out << reply.json;
        if (!reply.json.ends_with('\n')) console.out << '\n';
    } else {
        console.out << status_text(reply.status, console.colour);
    }
    console.out.flush();
}

}  // namespace

Outcome outcome_of(int http_status) {
    switch (http_status) {
        case 200: return Outcome::done;
        case 202: return Outcome::under_way;
        case 401:
        case 403: return Outcome::not_allowed;
        case 409: return Outcome::refused;
        default: break;
    }
    return http_status >= 400 && http_status < 500 ? Outcome::misunderstood : Outcome::failed;
}

Colour colour_for(Screen screen, const EnvironmentView& environment) {
    const bool unwanted =
        !environment.variable("NO_COLOR").value_or("").empty() || environment.variable("TERM").value_or("") == "dumb";
    return screen == Screen::terminal && !unwanted ? Colour::always : Colour::never;
}

ExitCode report(const Fault& fault, const Console& console) {
    console.err << "pgbosun: " << fault.text() << '\n';
    switch (fault.kind) {
        case FaultKind::not_found:
        case FaultKind::unavailable: return ExitCode::no_answer;
        case FaultKind::refused: return ExitCode::wrong_usage;
        case FaultKind::conflict:
        case FaultKind::corrupt:
        case FaultKind::cancelled: break;
    }
    return ExitCode::failed;
}

ExitCode show_status(const StatusCommand& command, InstanceClient& client, const Console& console) {
    const bool watch = command.repetition == Repetition::until_interrupted;
    do {
        const auto reply = client.status();
        if (!reply && !watch) return report(reply.error(), console);
        if (watch && console.out_screen == Screen::terminal) console.out << clear_screen;
        if (reply) {
            print_status(*reply, command.format, console);
        } else {
            console.out << "nobody answers: " << reply.error().text() << std::endl;
        }
    } while (watch && console.pause(watch_interval));
    return ExitCode::done;
}

ExitCode show_journal(const JournalCommand& command, InstanceClient& client, const Console& console) {
    const bool follow = command.repetition == Repetition::until_interrupted;
    auto after = command.since;
    bool answered = false;
    bool gone = false;
    do {
        const auto entries = client.journal(after);
        if (!entries && !(follow && answered)) return report(entries.error(), console);
        if (!entries && !gone) console.err << "pgbosun: " << entries.error().text() << "; trying again" << std::endl;
        gone = !entries;
        if (!entries) continue;
        answered = true;
        for (const auto& entry : *entries) {
            console.out << journal_text(entry) << '\n';
            after = entry.id;
        }
        console.out.flush();
    } while (follow && console.pause(watch_interval));
    return ExitCode::done;
}

}  // namespace pgbosun::app
