#pragma once
#include <string>
#include <vector>

#include "app/settings_reader.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::app {

// The effective configuration as YAML, every key that has a value, in a stable order. read_settings() makes
// the same settings of it, in the same environment. A password in a connection string is masked, and what is in
// `expanded` is shown as it was written; all else that a secret was written into, such as SQL, is shown.
std::string settings_text(const Settings& settings, const std::vector<ExpandedValue>& expanded = {});

}  // namespace pgbosun::app
