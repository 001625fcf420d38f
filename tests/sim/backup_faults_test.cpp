#include <array>
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
    return given == nullptr ? 60 : std::atoi(given);
}

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
    int done = 0, killed_restores = 0;
    std::size_t parted = 0, left = 0;
    for (int run = 0; run < runs(); ++run) {
        INFO("PGBOSUN_TEST_SEED=" << first + static_cast<std::uint64_t>(run) << " PGBOSUN_FAULT_RUNS=1 shows it again");
        std::mt19937_64 random(first + static_cast<std::uint64_t>(run));
        BackupWorld world(random());
        for (int life = 0; life < 3; ++life) {
            const auto lived = world.work(draw(random));
            parted += lived.parted.size();
            check(world.judge(lived));
        }
        for (const auto& id : world.done_backups()) {
            ++done;
            auto faults = draw(random);
            faults.damaged_percent = percents[random() % percents.size()];
            check(world.restore_in_process(id, faults));
            ++killed_restores;
        }
        // Without faults everything comes right again.
        const auto said = world.work({});
        CHECK(said.archived.size() == 4);
        CHECK(said.done.size() == 1);
        check(world.judge(said));
        left += world.unfinished_uploads();
        // The newest run stays for a person to see; what is before it goes.
        check(world.judge_after_expiry());
    }
    // A test of nothing would pass too.
    CHECK(done + killed_restores > 0);
    constexpr int enough_to_part = 40, enough_to_leave = 300;  // a kill between two parts is not drawn often
    if (runs() >= enough_to_part) CHECK(parted > 0);
    if (runs() >= enough_to_leave) CHECK(left > 0);
}
