#include "pgbosun/lsn.hpp"

#include "support/catch.hpp"

using pgbosun::Lsn;
using pgbosun::parse_lsn;

TEST_CASE("an LSN reads back as it was printed") {
    for (const std::uint64_t value : {0ULL, 1ULL, 0x16B374D848ULL, 0xFFFFFFFFFFFFFFFFULL}) {
        CHECK(parse_lsn(to_string(Lsn{value})) == Lsn{value});
    }
    CHECK(to_string(Lsn{0x16B374D848}) == "16/B374D848");
}

TEST_CASE("what is only nearly an LSN is not one") {
    for (const char* text : {"", "/", "1", "1/", "/1", "1/2/3", "123456789/0", "0/123456789", "0x1/0", "1/g", " 1/2",
                             "1/2 ", "-1/2", "+1/2"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_lsn(text));
    }
}
