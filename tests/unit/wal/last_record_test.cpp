#include "wal/last_record.hpp"

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::wal;

namespace {

constexpr std::uint32_t segment_bytes = 1 << 20, page = 8192;
constexpr std::uint64_t begin = 5 * segment_bytes;

// Writes records as PostgreSQL 15 lays them out.
class Segment {
public:
    // `rest`: bytes of a record that began in the segment before.
    explicit Segment(std::uint32_t rest = 0) { write(std::string(rest, 'r'), rest); }

    // The Lsn at which it begins.
    Lsn add(std::uint32_t length, std::uint8_t info = 0) {
        at_ = (at_ + 7) / 8 * 8;
        header();
        const Lsn lsn{begin + at_};
        std::string record(length, 'x');
        put<std::uint32_t>(record, 0, length);
        put<std::uint64_t>(record, 8, previous_.value);
        put<std::uint8_t>(record, 16, info);
        put<std::uint8_t>(record, 17, 0);
        previous_ = lsn;
        write(record, length);
        return lsn;
    }
    // As the page behind a crash: the record that goes on there was left.
    void break_off() { put<std::uint16_t>(bytes_, at_ / page * page + 2, 0); }

    [[nodiscard]] std::optional<Lsn> last(std::size_t known = segment_bytes) const {
        return last_record(std::as_bytes(std::span(bytes_)).first(known));
    }
    [[nodiscard]] std::size_t at() const { return at_; }

private:
    template <class Number>
    static void put(std::string& bytes, std::size_t at, Number value) {
        std::memcpy(bytes.data() + at, &value, sizeof value);
    }
    void header(std::uint32_t rest = 0) {
        if (at_ % page != 0 || at_ >= segment_bytes) return;
        put<std::uint16_t>(bytes_, at_, 0xD110);
        put<std::uint16_t>(bytes_, at_ + 2, static_cast<std::uint16_t>((at_ == 0 ? 2 : 0) | (rest > 0 ? 1 : 0)));
        put<std::uint32_t>(bytes_, at_ + 4, 1);
        put<std::uint64_t>(bytes_, at_ + 8, begin + at_);
        put<std::uint32_t>(bytes_, at_ + 16, rest);
        if (at_ == 0) {
            put<std::uint64_t>(bytes_, 24, 7);
            put<std::uint32_t>(bytes_, 32, segment_bytes);
            put<std::uint32_t>(bytes_, 36, page);
        }
        at_ += at_ == 0 ? 40 : 24;
    }
    void write(const std::string& text, std::uint32_t rest) {
        header(rest);
        for (std::size_t done = 0; done < text.size() && at_ < segment_bytes;) {
            header(static_cast<std::uint32_t>(text.size() - done));
            const auto some = std::min<std::size_t>(text.size() - done, page - at_ % page);
            bytes_.replace(at_, some, text, done, some);
            at_ += some;
            done += some;
        }
    }

    std::string bytes_ = std::string(segment_bytes, '\0');
    std::size_t at_ = 0;
    Lsn previous_{1};
};

}  // namespace

TEST_CASE("the last record that is whole is found, however many pages it takes") {
    Segment segment(20'000);
    CHECK_FALSE(segment.last());
    const auto first = segment.add(30);
    CHECK(segment.last() == first);
    const auto long_one = segment.add(3 * page);
    CHECK(segment.last() == long_one);
    const auto small = segment.add(24);
    CHECK(segment.last() == small);
    // What is known ends in it.
    CHECK(segment.last(segment.at() - 1) == long_one);
    CHECK(segment.last(segment.at()) == small);
    CHECK(segment.last(5 * page) == first);
}

TEST_CASE("a record that goes on in the next segment is not whole") {
    Segment segment;
    const auto first = segment.add(100);
    segment.add(2 * segment_bytes);
    CHECK(segment.last() == first);
    CHECK_FALSE(Segment(2 * segment_bytes).last());
}

TEST_CASE("behind a switch nothing is looked for, nor behind what another segment left") {
    Segment segment;
    segment.add(50);
    const auto switched = segment.add(24, 0x40);
    segment.add(60);
    CHECK(segment.last() == switched);
}

TEST_CASE("a record that a crash broke off is passed over") {
    Segment segment;
    const auto first = segment.add(100);
    segment.add(page);
    segment.break_off();
    CHECK(segment.last() == first);
}

TEST_CASE("what is no segment has no record") {
    CHECK_FALSE(last_record({}));
    const std::string zeros(segment_bytes, '\0');
    CHECK_FALSE(last_record(std::as_bytes(std::span(zeros))));
}
