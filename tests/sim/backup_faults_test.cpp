#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "sim/backup_world.hpp"
#include "support/catch.hpp"
#include "support/seed.hpp"

using namespace pgbosun::test;

namespace {

// PGBOSUN_FAULT_RUNS: how many; the default is for every run of the tests.
int runs() {
    const char* given = std::getenv("PGBOSUN_FAULT_RUNS");
    return given == nullptr ? 30 : std::atoi(given);
}

constexpr int one_large_among = 4;
constexpr int enough_to_kill = 20;
constexpr int calls_of_a_restore = 6;
constexpr int enough_to_leave = 300;  // a kill between two parts is not drawn often
constexpr std::array percents{0, 0, 2, 10};

Faults draw(std::mt19937_64& random) {
    Faults faults;
    faults.seed = random();
    faults.unavailable_percent = percents[random() % 4];
    faults.lost_percent = percents[random() % 4];
    if (random() % 4 != 0) faults.kill_at = 1 + static_cast<int>(random() % 60);
    return faults;
}

void check(const std::vector<std::string>& findings) {
    for (const auto& finding : findings) UNSCOPED_INFO(finding);
    REQUIRE(findings.empty());
}

}  // namespace

TEST_CASE("whatever the store does and whenever the process is killed, what is done restores and nothing is lost") {
    const auto first = seed();
    int restores = 0, killed_restores = 0;
    std::size_t parted = 0, left = 0;
    for (int run = 0; run < runs(); ++run) {
        const auto its_seed = first + static_cast<std::uint64_t>(run);
        INFO("PGBOSUN_TEST_SEED=" << its_seed << " PGBOSUN_FAULT_RUNS=1 shows it again");
        std::mt19937_64 random(its_seed);
        const auto size = its_seed % one_large_among == 0 ? BackupWorld::Size::large : BackupWorld::Size::small;
        BackupWorld world(random(), size);
        for (int life = 0; life < 3; ++life) {
            const auto lived = world.work(draw(random));
            parted += lived.parted.size();
            check(world.judge(lived));
        }
        for (const auto& id : world.done_backups()) {
            auto faults = draw(random);
            faults.damaged_percent = percents[random() % percents.size()];
            if (faults.kill_at != 0) faults.kill_at = 1 + faults.kill_at % calls_of_a_restore;
            const auto restored = world.restore_in_process(id, faults);
            check(restored.findings);
            ++restores;
            killed_restores += restored.killed ? 1 : 0;
        }
        // Without faults everything comes right again.
        const auto said = world.work({});
        CHECK(said.archived.size() == 4);
        CHECK(said.done.size() == 1);
        parted += said.parted.size();
        check(world.judge(said));
        left += world.unfinished_uploads();
        // The newest run stays for a person to see; what is before it goes.
        check(world.judge_after_expiry());
    }
    std::printf("%d restores, %d of them killed; %zu uploads in parts, %zu of them left\n", restores, killed_restores,
                parted, left);
    // A test of nothing would pass too.
    if (runs() >= one_large_among) CHECK(parted > 0);
    if (runs() >= enough_to_kill) CHECK(killed_restores > 0);
    if (runs() >= enough_to_leave) CHECK(left > 0);
}
