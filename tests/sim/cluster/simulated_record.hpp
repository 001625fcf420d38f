#pragma once
// The engine that keeps the record: compare-and-swap by revision, and a lock with a lease for the election.
// Requests take their time, and are done also when nobody waits for the answer any more.

#include <functional>
#include <map>
#include <optional>

#include "controller/record.hpp"
#include "world.hpp"

namespace pgbosun::sim {

struct Revised {
    controller::Record record;
    std::uint64_t revision = 0;
};

class SimulatedRecord {
public:
    static constexpr Duration lock_time = std::chrono::seconds(4);

    explicit SimulatedRecord(World& world) : world_(world) {}

    void read(int from, std::function<void(Revised)> answer);
    // none: somebody else has written; what there is must be read.
    void write(int from, controller::Record record, std::uint64_t expected,
               std::function<void(std::optional<std::uint64_t>)> answer);
    void lock(int from, std::function<void(bool)> answer);

    void set_down(int change) { down_ += change; }
    void set_slow(int change) { slow_ += change; }
    // As from a backup of the engine: the last one of that many terms before. Not where an instance has not heard of the newest
    // term: what nobody who answers knows, nobody could tell.
    void put_back_earlier(Term terms);
    // From a newer backup.
    void put_back_newest();
    [[nodiscard]] bool is_old() const { return newest_ && stored_.record.term < newest_->term; }
    [[nodiscard]] const Revised& now() const { return stored_; }

private:
    void request(int from, Happening work);

    World& world_;
    Revised stored_;
    std::map<Term, controller::Record> last_of_;
    std::optional<controller::Record> newest_;  // while an earlier one is in its place
    int holder_ = -1;
    Duration held_until_{};
    int down_ = 0;
    int slow_ = 0;
    std::uint64_t requests_ = 0;
};

}  // namespace pgbosun::sim
