#include "pgbosun/bytes_text.hpp"

#include <limits>

#include "support/catch.hpp"

using namespace pgbosun;

TEST_CASE("bytes are told in three digits, 1024 to the next unit") {
    const auto [bytes, text] = GENERATE(values<std::pair<std::uint64_t, const char*>>({
        {0, "0 B"},
        {1, "1 B"},
        {999, "999 B"},
        {1000, "1.0 kB"},
        {1023, "1.0 kB"},
        {1024, "1.0 kB"},
        {1536, "1.5 kB"},
        {102'348, "99.9 kB"},
        {102'349, "100 kB"},
        {150U << 10, "150 kB"},
        {1'023'487, "999 kB"},
        {1'023'488, "1.0 MB"},
        {1'500'000, "1.4 MB"},
        {16U << 20, "16.0 MB"},
        {std::uint64_t{4} << 30, "4.0 GB"},
        {std::uint64_t{1} << 40, "1.0 TB"},
        {std::uint64_t{1} << 50, "1.0 PB"},
        {std::numeric_limits<std::uint64_t>::max(), "16384 PB"},
    }));
    CAPTURE(bytes);

    CHECK(bytes_text(bytes) == text);
}
