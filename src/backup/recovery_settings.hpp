#pragma once
// Decision: what PostgreSQL is told about the recovery of a restored directory.

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::backup {

// What PostgreSQL does when the target is reached: take writes, wait for a person, or stop.
enum class AtTarget { promote, pause, shutdown };

// In a restored directory: the settings that its restore_command names, for the file of the configuration may say something
// else tomorrow. No backup holds it.
inline constexpr std::string_view restored_settings_file = "pg_wal/pgbosun.settings.yaml";

using RecoveryParameters = std::vector<std::pair<std::string, std::string>>;

// Every parameter that says where recovery ends is in it, those that are not used as empty ones: the backup may hold
// what an earlier recovery was told. Their order matters: keep it. refused: two targets, or one that PostgreSQL would not take.
//
// A target that is not reached is PostgreSQL's FATAL "recovery ended before configured recovery target was reached",
// never a promotion; the end of the archive is reached only when restore_command says 1.
Result<RecoveryParameters> recovery_parameters(const RecoveryTarget& target, std::string_view restore_command,
                                               AtTarget at_target);

// What a copy is told that somebody starts by hand, perhaps beside its original: it does not archive, logs to standard error
// and not into the original's FIFO, has no socket but its own, waits for no standby, runs no
// subscription, and recovers whatever the parameters that recovery compares with the primary's have become since.
RecoveryParameters parameters_of_a_copy(const std::string& directory, int port);
// Where its socket is: in the directory, or /tmp when that is too long for the kernel.
std::string socket_directory_of_a_copy(const std::string& directory);

// `auto_conf`, the text of postgresql.auto.conf, with the parameters at its end, where they overrule all others.
std::string with_parameters(std::string_view auto_conf, const RecoveryParameters& parameters);

// `conf`, the text of postgresql.conf, without what leads away from the restored directory: data_directory, hba_file,
// ident_file and external_pid_file become comments. With the first of them PostgreSQL would run in the original's directory.
// So do include and include_dir of what is not there (Debian's conf.d), for PostgreSQL would not start; `is_there` is asked
// with the path as it stands. The same text when there is none of them.
std::string without_foreign_places(std::string_view conf, const std::function<bool(const std::string& path)>& is_there);

// A shell's word: PostgreSQL hands restore_command to one. With %p and %f in it they are PostgreSQL's.
std::string shell_word(std::string_view text);

// A command as restore_command takes it: each '%' of the words is doubled.
std::string command_line(const std::vector<std::string>& words);

}  // namespace pgbosun::backup
