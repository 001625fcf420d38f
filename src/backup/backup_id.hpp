#pragma once
// A backup's identifier: "YYYYMMDDTHHMMSS" in UTC, which orders the catalog (Barman's layout).

#include <compare>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "pgbosun/time.hpp"

namespace pgbosun::backup {

class BackupId {
public:
    // Exactly eight digits, 'T', six digits, and a moment that exists.
    static std::optional<BackupId> parse(std::string_view text);
    // The second of `now`, or the first free one after everything in `taken`: never twice the same, never
    // before an older backup, whatever the clock did.
    static BackupId next(WallTime now, const std::set<BackupId>& taken);

    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] WallTime time() const;
    auto operator<=>(const BackupId&) const = default;

private:
    explicit BackupId(std::string text) : text_(std::move(text)) {}
    std::string text_;
};

}  // namespace pgbosun::backup
