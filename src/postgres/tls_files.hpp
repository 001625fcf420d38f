#pragma once
// Decision: what postgresql.parameters say of TLS. PostgreSQL reads these files when it is started or reloaded, and no sooner.

#include <string>
#include <vector>

#include "pgbosun/settings.hpp"

namespace pgbosun::postgres {

// Absolute. With the files that PostgreSQL takes where `ssl` alone is given.
std::vector<std::string> tls_files(const Settings& settings);

// Whether they turn TLS on. A postgresql.conf that pgbosun has not made may do so too.
bool turn_tls_on(const Settings& settings);

}  // namespace pgbosun::postgres
