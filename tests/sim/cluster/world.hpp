#pragma once
// A cluster in simulated time: agents and controllers that run the product's decision code, a network, a
// record, and faults from a schedule. What must never happen is checked whenever something could have made it
// so.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "fault.hpp"
#include "pgbosun/time.hpp"
#include "randomness.hpp"
#include "sabotage.hpp"

namespace pgbosun::sim {

using Happening = std::function<void()>;

class SimulatedAgent;
class SimulatedController;
class SimulatedRecord;

inline constexpr Duration simulated_ttl = std::chrono::seconds(3);
constexpr Duration ms(std::int64_t count) { return std::chrono::milliseconds(count); }

// Runs up to 1 % faster or slower than the true time, and began somewhere else.
class SimulatedClock {
public:
    explicit SimulatedClock(Random random);
    [[nodiscard]] Instant local(Duration truth) const;
    // Another machine, whose clock shows another time.
    void move(std::int64_t by_ms) { offset_ += by_ms * 1'000'000; }
    // Not before the clock shows `moment`.
    [[nodiscard]] Duration truth(Instant moment) const;

private:
    std::int64_t offset_;
    std::int64_t drift_ppm_;
};

class World {
public:
    World(Schedule schedule, Sabotage sabotage, bool keeps_history);
    ~World();
    World(const World&) = delete;

    void run();
    [[nodiscard]] const std::optional<std::string>& violation() const { return violation_; }
    [[nodiscard]] const std::vector<std::string>& history() const { return history_; }
    // How the schedules differ: for a test that they reach what they are meant to reach.
    [[nodiscard]] int changes_of_primary() const { return changes_; }
    [[nodiscard]] std::uint64_t acknowledged() const { return acknowledgements_; }

    // For the actors.
    [[nodiscard]] Duration now() const { return now_; }
    [[nodiscard]] const Setting& setting() const { return schedule_.setting; }
    [[nodiscard]] bool without(Sabotage rule) const { return sabotage_ == rule; }
    void after(Duration wait, Happening happening);
    // Lost, late, doubled or reordered as the schedule says. Runs as an event of node `to`.
    void send(int from, int to, Happening happening);
    [[nodiscard]] int record_node() const { return setting().instances + setting().controllers; }
    SimulatedAgent& agent(int node) { return *agents_[static_cast<std::size_t>(node)]; }
    SimulatedAgent* agent(const std::string& name);
    SimulatedRecord& record() { return *record_; }
    int new_branch() { return ++branches_; }
    void note(int node, const std::function<std::string()>& what);
    void must(bool holds, const std::function<std::string()>& rule);

    // An instance takes writes from now on, or is about to.
    void became_writer(int node);
    // To a client of `node`.
    enum class Replication { synchronous, asynchronous };
    void acknowledged(int node, Replication replication, int branch, std::uint64_t position);
    // The record says that somebody else is to go on without what the primary may not have replicated.
    void failed_over();
    // An operator accepts a loss.
    void forced();
    [[nodiscard]] bool all_hold_data_of(std::uint64_t term) const;
    [[nodiscard]] bool all_have_heard_of(std::uint64_t term) const;

private:
    struct Event {
        Duration at;
        std::uint64_t number;
        Happening happening;
        bool operator>(const Event& other) const { return at != other.at ? at > other.at : number > other.number; }
    };
    void happen(const Fault& fault);
    void put_old_record(const Fault& fault);
    void have_record_renewed();
    void see_to_pause();
    void set_cut(int from, int to, int change);
    [[nodiscard]] bool is_up(int node) const;
    void deliver(int to, Happening happening);
    [[nodiscard]] std::optional<std::string> unhealthy();
    void step();

    Schedule schedule_;
    Sabotage sabotage_;
    bool keeps_history_;
    Duration now_{};
    std::uint64_t events_ = 0;
    std::priority_queue<Event, std::vector<Event>, std::greater<>> due_;
    std::vector<std::unique_ptr<SimulatedAgent>> agents_;
    std::vector<std::unique_ptr<SimulatedController>> controllers_;
    std::unique_ptr<SimulatedRecord> record_;
    std::vector<int> cut_;  // from * nodes + to: how many faults cut it
    std::vector<std::uint64_t> sent_;
    int branches_ = 0;
    int changes_ = 0;
    int pauses_ = 0;
    bool sees_to_pause_ = false;
    std::uint64_t acknowledgements_ = 0;
    std::map<int, std::uint64_t> acknowledged_;  // branch: the last position that was acknowledged synchronously
    std::map<int, std::uint64_t> unreplicated_;  // the same asynchronously, which a failover may lose, and nothing else
    std::optional<std::string> violation_;
    std::vector<std::string> history_;
};

}  // namespace pgbosun::sim
