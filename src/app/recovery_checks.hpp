#pragma once
// What must hold between the values of bootstrap.recovery, and between them and the instance's own archive.

#include "app/settings_reader.hpp"

namespace pgbosun::app {

void check_recovery(ReadSettings& read);

}  // namespace pgbosun::app
