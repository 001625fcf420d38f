#pragma once
#include <string>

#include "pgbosun/settings.hpp"

namespace pgbosun::app {

enum class RestoreFrom { own_archive, bootstrap_source };

// A restore_command that needs no archiver: this program, by its full path, with this configuration. It works from any
// directory when that is a file; else from the restored directory, where PostgreSQL runs it, with what follows in it.
std::string own_restore_command(const Settings& settings, RestoreFrom from);
// The content of backup::restored_settings_file, for the default configuration goes by the working directory; empty: the
// configuration is a file.
std::string settings_for_restore_command(const Settings& settings);

}  // namespace pgbosun::app
