#pragma once
// Decision: which keys of the configuration a running pgbosun cannot change.

#include <string>

#include "pgbosun/settings.hpp"

namespace pgbosun::app {

// Gives `fresh` the values of `now` for them. Returns the keys that differed, for a person; empty: none. They change when
// pgbosun is started anew.
std::string keep_fixed(Settings& fresh, const Settings& now);

}  // namespace pgbosun::app
