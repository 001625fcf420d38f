#include <random>
#include <vector>

#include "codec/crc32c.hpp"
#include "support/catch.hpp"
#include "support/seed.hpp"

using namespace pgbosun;

TEST_CASE("CRC-32C is what everybody else computes") {
    const auto of = [](std::string_view text) {
        return codec::crc32c(0, std::as_bytes(std::span(text.data(), text.size())));
    };
    CHECK(of("") == 0);
    CHECK(of("a") == 0xC1D04330);
    CHECK(of("123456789") == 0xE3069283);
    CHECK(of(std::string(32, '\0')) == 0x8A9136AA);  // RFC 3720, B.4
    CHECK(of(std::string(32, '\xff')) == 0x62A8AB43);
}

TEST_CASE("CRC-32C of pieces is that of the whole") {
    std::mt19937_64 random(test::seed());
    std::vector<std::byte> content(10'000);
    for (auto& byte : content) byte = std::byte(random());
    const auto whole = codec::crc32c(0, content);

    for (int round = 0; round < 20; ++round) {
        std::uint32_t crc = 0;
        for (std::span<const std::byte> rest = content; !rest.empty();) {
            const auto piece = rest.first(std::min<std::size_t>(rest.size(), random() % 300));
            crc = codec::crc32c(crc, piece);
            rest = rest.subspan(piece.size());
        }
        CHECK(crc == whole);
    }
}
