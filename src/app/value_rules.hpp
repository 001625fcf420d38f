#pragma once
// What the text of one value must be like. Each answers refused, with what is wrong and what to write
// instead.

#include <string>

#include "pgbosun/fault.hpp"

namespace pgbosun::app {

using Rule = Result<> (*)(const std::string&);

Result<> any_text(const std::string& text);      // but not empty
Result<> cluster_name(const std::string& text);  // [a-z0-9-], 1 to 63, as a DNS label (RFC 1123)
Result<> archive_server_name(
    const std::string& text);                      // a part of an object's key, as Barman and CloudNativePG take it
Result<> sql_identifier(const std::string& text);  // 1 to 63 bytes (NAMEDATALEN), quoted by whoever uses it
Result<> absolute_path(const std::string& text);   // without "." and ".." parts
Result<> user_name(const std::string& text);
Result<> parameter_name(const std::string& text);
Result<> listen_address(const std::string& text);  // host:port, [IPv6]:port, *:port
Result<> archive_destination(const std::string& text);
Result<> http_url(const std::string& text);
Result<> cron_schedule(const std::string& text);     // as pgbosun/cron_schedule.hpp
Result<> retention_policy(const std::string& text);  // RECOVERY WINDOW OF n DAYS|WEEKS|MONTHS, REDUNDANCY n
Result<> transfer_rate(const std::string& text);     // as pg_basebackup --max-rate
Result<> hba_line(const std::string& text);          // as app/access_lines.hpp
Result<> ident_line(const std::string& text);
Result<> slot_prefix(const std::string& text);  // as postgres/slot_names.hpp
Result<> slot_pattern(const std::string& text);
Result<> log_level(const std::string& text);
Result<> environment_name(const std::string& text);

}  // namespace pgbosun::app
