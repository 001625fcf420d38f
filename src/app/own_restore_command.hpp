#pragma once
#include <string>

#include "pgbosun/settings.hpp"

namespace pgbosun::app {

enum class RestoreFrom { own_archive, bootstrap_source };

// A restore_command that needs no archiver: this program, by its full path, with this configuration. It works from any
// directory.
std::string own_restore_command(const Settings& settings, RestoreFrom from);

}  // namespace pgbosun::app
