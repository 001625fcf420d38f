#include "backup/tar_copy.hpp"

#include <filesystem>
#include <fstream>

#include "support/catch.hpp"
#include "support/fake_object_store.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;
using namespace pgbosun::test;

TEST_CASE("a copy that ends because the backup's session was lost says so, and not that it was cancelled") {
    const TemporaryDirectory directory;
    for (int i = 0; i < 64; ++i) {
        std::ofstream(directory / ("file" + std::to_string(i))) << std::string(100'000, 'x');
    }
    for (int round = 0; round < 4; ++round) {
        FakeObjectStore store;
        auto tree = scan(directory / "", {});
        REQUIRE(tree);
        std::vector<BackupRoot> roots;
        roots.push_back({std::nullopt, *std::move(tree), {}});
        roots[0].copied.resize(roots[0].tree.files.size());
        const std::vector<PlannedTree> trees{{&roots[0].tree, std::nullopt}};
        const auto plan = plan_tars(trees, 8, TarLimits{.smallest = 100'000});
        UploadPool pool(2, 16, usual_part);
        TarOrders orders{.prefix = "orders/base/20261121T010000/", .workers = 8};
        orders.max_rate = 1000;  // bytes per second: nobody is ready by himself
        TarCopy copying(std::move(orders), roots, pool, store);

        const auto copied = copying.run(
            plan, {}, []() -> Result<> { return fail(FaultKind::unavailable, "the backup's session was lost"); });

        REQUIRE_FALSE(copied);
        CHECK(copied.error().what == "the backup's session was lost");
        CHECK(copied.error().kind == FaultKind::unavailable);
    }
}
