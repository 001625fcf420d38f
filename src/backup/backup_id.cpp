#include "backup/backup_id.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdio>

#include "backup/timestamp.hpp"

namespace pgbosun::backup {
namespace {

constexpr std::size_t length = 15;

// None past the year 9999, which has no identifier.
std::optional<std::string> text_of(std::chrono::sys_seconds time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    if (date.year() < std::chrono::year(1) || date.year() > std::chrono::year(9999)) return std::nullopt;
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%04d%02u%02uT%02d%02d%02d", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()));
    return text.data();
}

// As parse_timestamp() reads it; the parts that are no digits make it fail there.
std::optional<WallTime> time_of(std::string_view id) {
    if (id.size() != length || id[8] != 'T') return std::nullopt;
    const auto part = [&](std::size_t at, std::size_t size) { return std::string(id.substr(at, size)); };
    return parse_timestamp(part(0, 4) + "-" + part(4, 2) + "-" + part(6, 2) + "T" + part(9, 2) + ":" + part(11, 2) +
                           ":" + part(13, 2));
}

}  // namespace

std::optional<BackupId> BackupId::parse(std::string_view text) {
    if (!time_of(text)) return std::nullopt;
    return BackupId(std::string(text));
}

BackupId BackupId::next(WallTime now, const std::set<BackupId>& taken) {
    const auto second = std::chrono::floor<std::chrono::seconds>(now);
    auto candidate = second;
    if (!taken.empty()) {
        const auto last = std::chrono::floor<std::chrono::seconds>(taken.rbegin()->time());
        candidate = std::max(second, last + std::chrono::seconds(1));
    }
    if (auto text = text_of(candidate)) return BackupId(std::move(*text));
    // Somebody's identifier is at the end of time: the order is lost, being the only one is not.
    for (candidate = second;; candidate += std::chrono::seconds(1)) {
        auto text = text_of(candidate);
        assert(text);
        if (BackupId id(std::move(*text)); !taken.contains(id)) return id;
    }
}

WallTime BackupId::time() const {
    const auto time = time_of(text_);
    assert(time);
    return *time;
}

}  // namespace pgbosun::backup
