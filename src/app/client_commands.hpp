#pragma once
// The commands that ask a running instance, from the parsed line to the exit code.

#include <functional>
#include <iosfwd>

#include "app/arguments.hpp"
#include "app/exit_code.hpp"
#include "app/instance_client.hpp"
#include "app/status_text.hpp"

namespace pgbosun::app {

enum class Screen { terminal, plain };

struct Console {
    std::ostream& out;
    std::ostream& err;
    Screen out_screen = Screen::plain;
    Screen err_screen = Screen::plain;
    Colour colour = Colour::never;
    // Waits so long; false: stop now, as if interrupted.
    std::function<bool(Duration)> pause;
    // What a command ends with whose pause was interrupted.
    std::function<ExitCode()> interruption = [] { return ExitCode::interrupted; };
};

// Colour on a terminal, unless NO_COLOR is set and not empty (no-color.org) or TERM is "dumb".
Colour colour_for(Screen screen, const EnvironmentView& environment);

inline constexpr Duration watch_interval = std::chrono::seconds(1);

ExitCode show_status(const StatusCommand& command, InstanceClient& client, const Console& console);
ExitCode show_journal(const JournalCommand& command, InstanceClient& client, const Console& console);

// fence, unfence, restart, reload, checkpoint, promote, demote, reclone. Waits for the end of it and shows how far it
// is.
ExitCode carry_out(const ControlCommand& command, InstanceClient& client, const Console& console);

// Begins a backup; with until_interrupted it waits for its end and shows how far it is.
ExitCode take_backup(const BackupCommand& command, InstanceClient& client, const Console& console);

// Ends the backup that is running, and waits for its end.
ExitCode cancel_backup(const CancelBackupCommand& command, InstanceClient& client, const Console& console);

// Says the Fault on stderr and gives it its exit code.
ExitCode report(const Fault& fault, const Console& console);

}  // namespace pgbosun::app
