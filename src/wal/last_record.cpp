#include "wal/last_record.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>

#include "wal/page_header.hpp"

namespace pgbosun::wal {
namespace {

// access/xlog_internal.h, access/xlogrecord.h: headers of pages and records, and what stands where in them.
constexpr std::size_t short_header_bytes = 24, record_header_bytes = 24;
constexpr std::size_t flags_at = 2, address_at = 8, rest_at = 16;
constexpr std::uint16_t begins_with_a_rest = 0x0001;  // XLP_FIRST_IS_CONTRECORD
constexpr std::size_t previous_at = 8, info_at = 16, manager_at = 17;
constexpr std::byte of_the_log{0}, switches{0x40}, flags_of_the_manager{0xF0};  // RM_XLOG_ID, XLOG_SWITCH
constexpr std::size_t alignment = 8;

enum class Found {
    whole,
    broken_off,  // a page begins with another record: the server had crashed in the middle of this one
    end,
};

class Walk {
public:
    Walk(std::span<const std::byte> bytes, const PageHeader& header)
        : bytes_(bytes), begin_(header.address.value), page_(header.block_size) {}

    // The rest of a record that began in the segment before.
    Found pass_rest() {
        if (!settle() || (number<std::uint16_t>(flags_at) & begins_with_a_rest) == 0) return Found::whole;
        return pass(number<std::uint32_t>(rest_at), {});
    }

    // The next record; `header` is what is filled of it.
    Found next(std::span<std::byte> header) {
        at_ = (at_ + alignment - 1) / alignment * alignment;
        if (!settle() || bytes_.size() - at_ < sizeof(std::uint32_t)) return Found::end;
        record_ = at_;
        const auto length = number<std::uint32_t>(at_);
        return length < record_header_bytes ? Found::end : pass(length, header);
    }

    [[nodiscard]] Lsn record() const { return Lsn{begin_ + record_}; }

private:
    template <class Number>
    [[nodiscard]] Number number(std::size_t at) const {
        Number value{};
        std::memcpy(&value, bytes_.data() + at, sizeof value);
        return value;
    }

    // Steps over the header of the page that begins here. False: there is none, or it was left of another segment.
    bool settle() {
        if (at_ % page_ != 0) return at_ < bytes_.size();
        if (at_ > bytes_.size() || bytes_.size() - at_ < short_header_bytes) return false;
        if (number<std::uint64_t>(at_ + address_at) != begin_ + at_) return false;
        at_ += at_ == 0 ? long_header_bytes : short_header_bytes;
        return at_ < bytes_.size();
    }

    Found pass(std::size_t count, std::span<std::byte> into) {
        while (count > 0) {
            const auto page = at_;
            if (!settle()) return Found::end;
            const bool goes_on =
                page == at_ || page == 0 || (number<std::uint16_t>(page + flags_at) & begins_with_a_rest) != 0;
            if (!goes_on) {
                at_ = page;
                return Found::broken_off;
            }
            const auto some = std::min(count, page_ - at_ % page_);
            if (bytes_.size() - at_ < some) return Found::end;
            const auto kept = std::min(some, into.size());
            std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at_), kept, into.begin());
            into = into.subspan(kept);
            at_ += some;
            count -= some;
        }
        return Found::whole;
    }

    const std::span<const std::byte> bytes_;
    const std::uint64_t begin_;
    const std::size_t page_;
    std::size_t at_ = 0, record_ = 0;
};

bool ends_the_segment(std::span<const std::byte> record) {
    return record[manager_at] == of_the_log && (record[info_at] & flags_of_the_manager) == switches;
}

}  // namespace

std::optional<Lsn> last_record(std::span<const std::byte> bytes) {
    const auto header = parse_page_header(bytes);
    // An address that no WAL reaches is no address.
    if (!header || header->address.value > std::numeric_limits<std::uint64_t>::max() - bytes.size())
        return std::nullopt;
    Walk walk(bytes, *header);
    if (walk.pass_rest() == Found::end) return std::nullopt;
    std::optional<Lsn> last;
    for (;;) {
        std::array<std::byte, record_header_bytes> record{};
        const auto found = walk.next(record);
        if (found == Found::end) return last;
        if (found == Found::broken_off) continue;
        std::uint64_t previous = 0;
        std::memcpy(&previous, record.data() + previous_at, sizeof previous);
        // Else it is what a recycled segment held before.
        if (last && previous != last->value) return last;
        last = walk.record();
        if (ends_the_segment(record)) return last;
    }
}

}  // namespace pgbosun::wal
