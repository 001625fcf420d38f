#pragma once
#include <string>

#include "pgbosun/settings.hpp"

namespace pgbosun::app {

enum class RestoreFrom { own_archive, bootstrap_source };

// A restore_command that needs no archiver: this program, by its full path. From its own archive it works in the restored
// directory, where PostgreSQL runs it, wherever that is moved to and whatever becomes of the configuration's file; from
// bootstrap's source with that file.
std::string own_restore_command(const Settings& settings, RestoreFrom from);
// The content of backup::restored_settings_file: what says where the archive is. Secrets are named there, and not in it.
std::string settings_for_restore_command(const Settings& settings);

}  // namespace pgbosun::app
