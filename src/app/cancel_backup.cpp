#include <ostream>
#include <utility>

#include "app/client_commands.hpp"

namespace pgbosun::app {
namespace {

ExitCode tell(const Console& console, const std::string& detail, const std::string& hint, ExitCode code) {
    console.err << "pgbosun: " << detail;
    if (!hint.empty()) console.err << " (hint: " << hint << ")";
    console.err << std::endl;
    return code;
}

}  // namespace

ExitCode cancel_backup(const CancelBackupCommand&, InstanceClient& client, const Console& console) {
    const auto status = client.status();
    if (!status) return report(status.error(), console);
    const auto& running = status->status.backup.running;
    if (!running) return tell(console, "refused: no backup is running here", "pgbosun status", ExitCode::refused);
    if (running->id.empty())
        return tell(console, "refused: the backup has not begun yet", "ask again in a moment", ExitCode::refused);
    const auto reply = client.cancel_backup(running->id);
    if (!reply) return report(reply.error(), console);
    switch (reply->outcome) {
        case Outcome::done:
            console.out << "backup " << running->id << " is cancelled" << std::endl;
            return ExitCode::done;
        case Outcome::under_way:
            return tell(console, "backup " + running->id + " has been told to end, and has not yet",
                        "pgbosun status --watch", ExitCode::failed);
        case Outcome::refused: return tell(console, "refused: " + reply->detail, reply->hint, ExitCode::refused);
        case Outcome::not_allowed:
        case Outcome::misunderstood: return tell(console, reply->detail, reply->hint, ExitCode::wrong_usage);
        case Outcome::failed: return tell(console, reply->detail, reply->hint, ExitCode::failed);
    }
    std::unreachable();
}

}  // namespace pgbosun::app
