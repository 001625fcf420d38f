#include "postgres/wal_news.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "postgres/jsonlog.hpp"

namespace pgbosun::postgres {
namespace {

constexpr std::array<std::string_view, 3> gone_signs = {"has already been removed", "is behind recovery timeline",
                                                        "is not in this server's history"};
constexpr std::string_view awaited_sign = "waiting for WAL to become available";

bool holds(std::string_view text, std::string_view sign) { return text.find(sign) != std::string_view::npos; }

}  // namespace

WalNews wal_news(std::string_view line) {
    const bool gone = std::ranges::any_of(gone_signs, [&](std::string_view sign) { return holds(line, sign); });
    if (!gone && !holds(line, awaited_sign)) return WalNews::none;
    const auto record = parse_jsonlog(line);
    if (!record) return WalNews::none;
    const std::string process = jsonlog_field(*record, "backend_type");
    const std::string message = jsonlog_field(*record, "message");
    if (process == "startup" && message.starts_with(awaited_sign)) return WalNews::awaited;
    const bool told = std::ranges::any_of(gone_signs, [&](std::string_view sign) { return holds(message, sign); });
    return process == "walreceiver" && told ? WalNews::gone : WalNews::none;
}

}  // namespace pgbosun::postgres
