#pragma once
// What the page checks of a backup found. Pages are named up to a limit and all are counted.

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "pgbosun/lsn.hpp"

namespace pgbosun::backup {

struct BadPage {
    std::string path;        // of the file, as in the manifest
    std::uint64_t page = 0;  // of the file, from 0
    auto operator<=>(const BadPage&) const = default;
};

inline constexpr std::size_t most_named_pages = 1000;
// Changed pages that are remembered besides the named ones until they are judged: 8 bytes each. Pages that stay torn
// whenever they are read are few; whatever is beyond this is counted as bad.
inline constexpr std::size_t most_changed_pages = std::size_t{1} << 20;

// Thread-safe.
class PageSurvey {
public:
    void add_bad(const std::string& path, std::uint64_t page);
    // A page whose checksum is wrong and that seems to have been changed during the backup. One that says it
    // was written after the backup's end cannot have been: it is bad.
    void add_changed(const std::string& path, std::uint64_t page, Lsn written);
    // When the backup has ended at `stop`.
    void judge_changed(Lsn stop);

    [[nodiscard]] std::uint64_t count() const;
    // In order.
    [[nodiscard]] std::vector<BadPage> named() const;

private:
    struct ChangedPage {
        BadPage page;
        Lsn written;
    };

    mutable std::mutex mutex_;  // guards what follows
    std::uint64_t count_ = 0;
    std::vector<BadPage> named_;
    // A heap, the earliest first: those written the latest, as they say, are the ones that will be bad, and are named.
    std::vector<ChangedPage> changed_;
    std::vector<Lsn> unnamed_changed_;  // when the others were written
    std::uint64_t beyond_ = 0;          // changed pages of which nothing is kept
};

}  // namespace pgbosun::backup
