#include "app/recovery_options.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "app/recovery_rules.hpp"

namespace pgbosun::app {

void add_recovery_options(CLI::App& line, RecoveryOptions& options) {
    auto* targets = line.add_option_group("target", "Where recovery ends; without one at the end of the archive's WAL");
    targets->add_option("--to-time", options.time, "a moment with its zone: \"2026-01-30 10:00:00+00\"")
        ->type_name("TIME");
    targets->add_option("--to-lsn", options.lsn, "a position in the WAL: 0/5000060")->type_name("LSN");
    targets->add_option("--to-xid", options.xid, "a transaction's number")->type_name("XID");
    targets->add_option("--to-name", options.name, "a restore point that was made before")->type_name("NAME");
    targets->add_flag("--to-immediate", options.immediate, "as soon as the backup is consistent");
    targets->require_option(0, 1);
    line.add_flag("--exclusive", options.exclusive, "end just before the target, not behind it");
    line.add_option("--timeline", options.timeline, "latest, current, or a number")->type_name("TIMELINE");
}

Result<RecoveryTarget> target_of(const RecoveryOptions& options) {
    Result<> fine;
    if (fine && options.time) fine = moment_with_zone(*options.time);
    if (fine && options.lsn) fine = wal_position(*options.lsn);
    if (fine && options.xid) fine = transaction_number(*options.xid);
    if (fine && options.name) fine = restore_point(*options.name);
    if (fine) fine = recovery_timeline(options.timeline);
    if (!fine) return std::unexpected(std::move(fine.error()));
    if (options.exclusive && !options.time && !options.lsn && !options.xid) {
        return fail(FaultKind::refused, "--exclusive needs a time, a position or a transaction to end before",
                    "give --to-time, --to-lsn or --to-xid");
    }
    RecoveryTarget target;
    target.time = options.time;
    target.lsn = options.lsn;
    target.xid = options.xid;
    target.name = options.name;
    target.immediate = options.immediate;
    target.inclusive = options.exclusive ? Inclusive::no : Inclusive::yes;
    target.timeline = options.timeline;
    return target;
}

}  // namespace pgbosun::app
