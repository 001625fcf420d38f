#pragma once
// Structured log lines on stdout. Pure code never logs. Lines are never sampled or dropped: when nobody reads
// stdout they are kept up to a limit, and past it the sources are no longer read (status says so).

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace pgbosun::log {

enum class Level { debug, info, warning, error };

struct Field {
    std::string_view name;
    std::variant<std::string_view, std::int64_t, bool> value;

    Field(std::string_view field, std::string_view text) : name(field), value(text) {}
    Field(std::string_view field, const std::string& text) : name(field), value(std::string_view(text)) {}
    Field(std::string_view field, const char* text) : name(field), value(std::string_view(text)) {}
    Field(std::string_view field, bool truth) : name(field), value(truth) {}
    template <class Integer>
        requires std::is_integral_v<Integer>
    Field(std::string_view field, Integer number) : name(field), value(static_cast<std::int64_t>(number)) {}
};

// `message` is one sentence for a person; a hint, when there is one, is the field "hint".
void write(Level level, std::string_view message, std::initializer_list<Field> fields = {});

inline void debug(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::debug, message, fields);
}
inline void info(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::info, message, fields);
}
inline void warning(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::warning, message, fields);
}
inline void error(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::error, message, fields);
}

}  // namespace pgbosun::log
