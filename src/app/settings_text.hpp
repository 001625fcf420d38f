#pragma once
#include <string>

#include "pgbosun/settings.hpp"

namespace pgbosun::app {

// The effective configuration as YAML, every key that has a value, in a stable order. read_settings() makes
// the same settings of it. Holds no secret: settings name files, and a password in a connection string is
// masked.
std::string settings_text(const Settings& settings);

}  // namespace pgbosun::app
