#pragma once
// A machine that behaves: performs the supervisor's actions in simulated time, with crashes, full and hanging disks,
// tools that fail, commands and signals at every moment, all drawn from one seed. The real decide() and the real
// Supervisor run in it. What must never happen is checked at each step.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "supervision/supervisor.hpp"

namespace pgbosun::test {

class SimulatedWorld final : public supervision::Effects, public supervision::Witness, public Clock {
public:
    explicit SimulatedWorld(std::uint64_t seed);

    // Faults and commands for `steps` events, then quiet until the instance rests.
    void run(int steps);

    [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
    [[nodiscard]] const std::vector<std::string>& history() const { return history_; }

    [[nodiscard]] Instant now() const override { return now_; }
    [[nodiscard]] WallTime wall() const override { return {}; }

private:
    // The disk outlives a kill of pgbosun and everything else.
    struct Disk {
        bool data = false;
        bool unfinished = false;
        bool standby = false;
        bool fence = false;
        bool full = false;
        bool refused = false;
    };

    void perform(const instance::Action& action) override;
    void saw(const instance::InstanceState& before, const instance::Event& event,
             const instance::Decision& decision) override;

    void begin_life();
    void kill_everything();
    void one_fault_or_command();
    void next_event();
    // Only the activity that asked takes the answer, as with the performer.
    template <class Activity>
    void answer(Duration shortest, Duration longest, std::function<instance::Event()> make);
    void answer_later(Duration shortest, Duration longest, std::function<void()> happens);
    void deliver(const instance::Event& event) { supervisor_->handle(event); }
    void postmaster_dies();
    void must(bool holds, const std::string& rule);
    std::uint64_t draw(std::uint64_t below) { return random_() % below; }
    bool chance(unsigned percent) { return draw(100) < percent; }

    std::mt19937_64 random_;
    Instant now_{std::chrono::hours(1)};
    Disk disk_;
    std::multimap<Instant, std::function<void()>> due_;
    std::unique_ptr<supervision::Supervisor> supervisor_;
    std::uint64_t life_ = 0;        // of pgbosun
    std::uint64_t postmaster_ = 0;  // 0: none; else its number
    std::uint64_t postmasters_ = 0;
    bool strays_ = false;
    bool tool_ = false;
    bool accepting_ = false;
    bool fence_wanted_ = false;
    bool fence_promised_ = false;  // FenceStored was delivered: it was acknowledged
    bool ended_ = false;
    bool quiet_ = false;
    std::vector<std::string> violations_;
    std::vector<std::string> history_;
};

}  // namespace pgbosun::test
