#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#endif

#include <cstdio>

#include "support/seed.hpp"

int main(int argc, char** argv) {
    const int failures = Catch::Session().run(argc, argv);
    if (failures != 0) {
        std::fprintf(stderr, "to run it again the same way: PGBOSUN_TEST_SEED=%llu\n",
                     static_cast<unsigned long long>(pgbosun::test::seed()));
    }
    return failures == 0 ? 0 : 1;  // their number could be 77, which says that all was skipped
}
