#pragma once
// One log line as text. Pure.

#include <initializer_list>
#include <string>
#include <string_view>

#include "pgbosun/log.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::host {

struct LogRecord {
    log::Level level{};
    WallTime at{};
    std::string_view message;
    std::initializer_list<log::Field> fields;
};

inline constexpr std::string_view logger_field = "logger";

std::string_view to_string(log::Level level);

// {"level":"info","ts":"...","logger":"pgbosun","msg":"...", then the fields in their order}. Valid UTF-8 whatever the
// bytes: what is not UTF-8 becomes U+FFFD. No line feed in it or at its end. A field "logger" (text) says whose line it is,
// and stands in the place of "pgbosun".
std::string render_json(const LogRecord& record);

enum class Colour { none, ansi };
// "2026-11-21T01:41:32.725Z info    message  field=value": aligned, one line; line feeds become spaces.
std::string render_text(const LogRecord& record, Colour colour);

}  // namespace pgbosun::host
