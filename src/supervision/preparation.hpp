#pragma once
// Writes what PostgreSQL reads when it starts or reloads: pgbosun.conf, pg_hba.conf, pg_ident.conf, the signal file's
// companions, and makes the FIFOs of its log. Nothing is written that is there already with the same content.

#include <optional>
#include <string>

#include "postgres/configuration.hpp"
#include "postgres/data_directory.hpp"
#include "supervision/surroundings.hpp"

namespace pgbosun::supervision {

// What to follow when the instance is a standby: the configured upstream, or the one that a demotion named.
// refused: the conninfo cannot be used.
Result<postgres::Following> following(const Settings& settings, const std::string& upstream);

// Killed in between: some files are new and some are old; each is whole, and the next start writes the rest.
enum class AutoConf { ours, of_a_restore_by_hand };
Task<Result<>> write_configuration(Surroundings& outside, const Settings& settings,
                                   const postgres::ConfigurationFacts& facts, AutoConf auto_conf = AutoConf::ours);

// A copy that somebody restored by hand becomes an instance: its subscriptions run.
Task<Result<>> free_copy(Surroundings& outside, const Settings& settings);

Task<Result<>> make_log_fifos(Surroundings& outside, const Settings& settings);

// Removes the socket and its lock that a killed server of this data directory left: PostgreSQL would not start while
// another process has the number in the lock. Only when nothing works on the data directory (kill_strays answered 0).
Task<Result<>> remove_left_socket(Surroundings& outside, const Settings& settings);

// The password file of the upstream, from the secret's file; answers its path, empty when there is no secret.
Task<Result<std::string>> write_passfile(Surroundings& outside, const Settings& settings);
std::string passfile_path(const Settings& settings);

// A file that holds one secret, without the newline at its end. refused: empty.
Task<Result<std::string>> read_secret(Surroundings& outside, std::string path);

}  // namespace pgbosun::supervision
