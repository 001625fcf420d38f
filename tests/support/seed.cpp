#include "support/seed.hpp"

#include <cstdlib>
#include <random>
#include <string>

namespace pgbosun::test {

std::uint64_t seed() {
    static const std::uint64_t chosen = [] {
        if (const char* given = std::getenv("PGBOSUN_TEST_SEED")) return static_cast<std::uint64_t>(std::stoull(given));
        std::random_device random;
        return static_cast<std::uint64_t>(random());
    }();
    return chosen;
}

}  // namespace pgbosun::test
