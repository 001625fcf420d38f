#include "app/recovery_rules.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>

#include "app/value_text.hpp"
#include "pgbosun/lsn.hpp"
#include "pgbosun/moment.hpp"

namespace pgbosun::app {
namespace {

constexpr std::size_t longest_name = 63;

std::unexpected<Fault> refuse(const std::string& text, std::string_view why, std::string hint) {
    return fail(FaultKind::refused, "\"" + text.substr(0, 100) + "\" " + std::string(why), std::move(hint));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

Result<> moment_with_zone(const std::string& text) {
    if (auto moment = parse_moment(text); !moment) return std::unexpected(std::move(moment.error()));
    return {};
}

Result<> wal_position(const std::string& text) {
    if (!parse_lsn(text)) {
        return refuse(text, "is not a position in the WAL", "write it as pg_current_wal_lsn() shows it: \"0/5000060\"");
    }
    return {};
}

Result<> transaction_number(const std::string& text) {
    const bool number = !text.empty() && text.size() <= 20 && std::ranges::all_of(text, is_digit);
    if (!number)
        return refuse(text, "is not a transaction's number", "write digits, as pg_current_xact_id() shows them");
    return {};
}

Result<> restore_point(const std::string& text) {
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (text.empty() || text.size() > longest_name || std::ranges::any_of(text, control)) {
        return refuse(text, "is not the name of a restore point",
                      "write the name given to pg_create_restore_point(): 1 to 63 bytes on one line");
    }
    return {};
}

Result<> recovery_timeline(const std::string& text) {
    const auto number = parse_integer(text);
    const bool is_number = number && *number >= 1 && *number <= 0xFFFFFFFF;
    if (text != "latest" && text != "current" && !is_number) {
        return refuse(text, "is not a timeline", "write latest, current, or a timeline's number");
    }
    return {};
}

Result<> memory_size(const std::string& text) {
    const auto end = static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
    const std::string_view unit = std::string_view(text).substr(end);
    const bool known = unit == "kB" || unit == "MB" || unit == "GB";
    if (end == 0 || end > 9 || !known) {
        return refuse(text, "is not a size of memory", "write it as in postgresql.conf: 32MB (kB, MB, GB)");
    }
    return {};
}

}  // namespace pgbosun::app
