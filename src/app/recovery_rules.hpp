#pragma once
// What the values of bootstrap.recovery must be like: see PostgreSQL's manual, "Recovery Target". What
// PostgreSQL would only refuse when it starts, after hours of restoring, is refused here.

#include <string>

#include "pgbosun/fault.hpp"

namespace pgbosun::app {

Result<> moment_with_zone(const std::string& text);    // as pgbosun/moment.hpp reads it
Result<> wal_position(const std::string& text);        // "0/5000060"
Result<> transaction_number(const std::string& text);  // decimal
Result<> restore_point(const std::string& text);       // 1 to 63 bytes (MAXFNAMELEN), printable
Result<> recovery_timeline(const std::string& text);   // latest, current, a number
Result<> memory_size(const std::string& text);         // "32MB", as in postgresql.conf

}  // namespace pgbosun::app
