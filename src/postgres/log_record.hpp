#pragma once
// Decision: one line of PostgreSQL's log becomes one line of ours. The names below "record" are CloudNativePG's, so
// its users' log queries go on working; jsonlog's own are in PostgreSQL's manual, "Using JSON-Format Log Output".

#include <string>
#include <string_view>

#include "pgbosun/settings.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::postgres {

// Without a newline at its end. `line` is a line of jsonlog, or anything that PostgreSQL or one of its tools wrote to
// stderr. Nothing is lost: what cannot be understood is in "msg" as it came, bytes that are not UTF-8 as \xNN.
//   json: {"level":"info","ts":...,"logger":"postgres","msg":"record","record":{...}}; an audit line of pgaudit has
//         the logger "pgaudit" and its fields in "record"."audit".
//   text: "2026-11-21 01:41:32.725 UTC [123] app@orders ERROR: ..." with further lines indented by a tab.
std::string log_line(std::string_view line, LogFormat format, WallTime now);

}  // namespace pgbosun::postgres
