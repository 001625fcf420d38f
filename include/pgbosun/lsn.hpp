#pragma once
// PostgreSQL's positions and identities as values.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgbosun {

// A byte position in the WAL. 0/0 is PostgreSQL's InvalidXLogRecPtr.
struct Lsn {
    std::uint64_t value = 0;
    auto operator<=>(const Lsn&) const = default;
};

// Two hexadecimal halves as PostgreSQL prints them: "16/B374D848".
std::string to_string(Lsn lsn);
// 1 to 8 hexadecimal digits on either side of one slash, nothing else.
std::optional<Lsn> parse_lsn(std::string_view text);

enum class Timeline : std::uint32_t {};
constexpr std::uint32_t number(Timeline timeline) { return static_cast<std::uint32_t>(timeline); }

// How far a history of data reaches. The later timeline is the later history, wherever on it one stands.
struct Position {
    Timeline timeline{};
    Lsn lsn;
    auto operator<=>(const Position&) const = default;
};

// The database system identifier of pg_control.
enum class SystemId : std::uint64_t {};
constexpr std::uint64_t number(SystemId id) { return static_cast<std::uint64_t>(id); }

}  // namespace pgbosun
