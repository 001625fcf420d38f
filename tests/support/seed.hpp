#pragma once
#include <cstdint>

namespace pgbosun::test {

// From the environment variable PGBOSUN_TEST_SEED, else different for each run. Printed when a test fails.
std::uint64_t seed();

}  // namespace pgbosun::test
