#pragma once
// A controller's process around the product's choose(): election, polling, and what it takes to write a
// record.

#include <deque>

#include "controller/choose.hpp"
#include "simulated_record.hpp"
#include "world.hpp"

namespace pgbosun::sim {

class SimulatedController {
public:
    SimulatedController(World& world, int node);

    void stop(int change);
    void go_down(int change);
    void set_short_lease(int change);
    void drop_member(int node, int change);
    void want(const std::string& primary, controller::DataLoss data_loss);
    void set_paused(bool paused);
    // `failover --to`, of who serves or else whoever may, while the record is older than the instances.
    void renew_record();
    [[nodiscard]] bool is_up() const { return down_ == 0; }
    void inbox(Happening happening);

private:
    [[nodiscard]] Instant clock() const { return clock_.local(world_.now()); }
    [[nodiscard]] bool leads() const;
    // From what its configuration says now: it is restarted.
    void configure();
    void tick(std::uint64_t life);
    void campaign();
    void read();
    void poll();
    void received(controller::Report report, Instant asked_at);
    void decide();
    void write(controller::Record record);
    void assign(const Assignment& assignment);
    controller::Choice choose_spoiled();
    void spoil_before();

    World& world_;
    int node_;
    SimulatedClock clock_;
    Random random_;
    controller::Policy policy_;
    controller::Knowledge known_;
    std::uint64_t revision_ = 0;
    std::uint64_t life_ = 0;
    std::uint64_t operation_ = 0;  // the newest read or write; an answer to an older one is dropped
    std::optional<Instant> operation_at_;
    std::optional<Instant> read_at_;
    std::optional<Instant> polls_at_;
    std::string waits_for_;
    int stopped_ = 0;
    int down_ = 0;
    int short_lease_ = 0;
    std::map<int, int> dropped_;
    std::deque<Happening> inbox_;
};

}  // namespace pgbosun::sim
