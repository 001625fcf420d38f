#pragma once
// An agent with its guard, its disk and a model of postgres. What it may do is decided by src/instance/right;
// here is what it does with that: one message at a time, nothing answered before the disk has it.

#include <deque>
#include <memory>

#include "controller/knowledge.hpp"
#include "instance/right.hpp"
#include "wal_model.hpp"
#include "world.hpp"

namespace pgbosun::sim {

// What a primary, or a standby, sends its standbys: all its WAL, and the term as whose data its agent vouches for it.
struct Stream {
    Wal wal;
    Term term = 0;
    bool of_standby = false;
};

class SimulatedAgent {
public:
    SimulatedAgent(World& world, int node);

    // Messages.
    void report_to(int controller, std::function<void(controller::Report)> answer);
    void assigned(const Assignment& assignment);
    void asked_to_promise(int from, const PromiseRequest& request);
    void promised(const PromiseAnswer& answer);
    void asked_for_wal(int from);
    void wal_arrived(int from, const Stream& stream);
    void flush_confirmed(int from, int branch, std::uint64_t end);

    // Faults.
    void kill_postgres();
    void stop_agent(int change);
    void freeze(int change);
    void go_down();
    void come_up();
    void lose_volume();  // while it is down
    void forget_standby(const std::string& name) { flushed_.erase(name); }
    void stall_receiver(int change);
    void set_slow_disk(int change) { slow_disk_ += change; }
    void set_fence(int change);
    void deny_serving(int change) { denies_ += change; }
    void ask_to_end();  // who asks takes it down, when it has had a moment to say how it stands

    [[nodiscard]] bool is_up() const { return up_; }
    [[nodiscard]] bool postgres_runs() const { return up_ && frozen_ == 0; }
    // Clients' writes succeed at this moment.
    [[nodiscard]] bool takes_writes() const { return postgres_runs() && postgres_ == Postgres::primary; }
    [[nodiscard]] bool follows(const SimulatedAgent& primary) const;
    [[nodiscard]] const Wal& wal() const { return wal_; }
    [[nodiscard]] const instance::Right& right() const { return right_; }
    [[nodiscard]] int node() const { return node_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] bool holds_data_of(Term term) const { return !torn_ && disk_.data_term == term; }
    [[nodiscard]] Term term_on_disk() const { return disk_.term; }

    // Runs when the agent's process runs; waits, when it is stopped or at its disk.
    void inbox(Happening happening);

private:
    enum class Postgres { down, starting_standby, standby, starting_primary, promoting, primary, closing, rejoining };

    [[nodiscard]] Instant clock() const { return clock_.local(world_.now()); }
    [[nodiscard]] bool agent_runs() const { return up_ && stopped_ == 0 && frozen_ == 0; }
    void work_inbox();
    void store(Happening then);
    void adopt(instance::Right right);
    void step();
    void tick(std::uint64_t life);
    void postgres_tick(std::uint64_t life);
    void watch_right();
    void guard();
    void enter(Postgres state);
    // `state` after a while, unless something else happens to postgres before.
    void enter_later(Postgres state, std::int64_t least_ms, std::int64_t most_ms, Happening then = {});
    void later(Duration wait, std::uint64_t number, Postgres state, Happening then);
    void set_rule();
    [[nodiscard]] bool may_pass(const Stream& stream);
    void note_stream(Term term);
    void rejoin();
    void spoil(Assignment& assignment);
    void acknowledge();
    void look();
    void push(int to);
    [[nodiscard]] controller::Report report() const;
    [[nodiscard]] bool writes_sometime() const;
    [[nodiscard]] bool awaits_primary() const;
    std::int64_t draw(std::int64_t low, std::int64_t high) { return random_.between(low, high); }

    World& world_;
    int node_;
    std::string name_;
    Random random_;
    SimulatedClock clock_;
    // The disk.
    instance::AgentRecord disk_;
    Wal wal_;
    // What its agent has last seen of that; it asks postgres now and then.
    struct Looked {
        Timeline timeline{};
        Lsn end;
        Instant at{};
    };
    Looked looked_;
    bool primary_data_ = false;
    bool torn_ = false;  // a rewind or a clone has not come to its end
    int fence_ = 0;
    // This life.
    bool ending_ = false;
    bool up_ = false;
    std::uint64_t life_ = 0;
    int down_ = 0;
    int stopped_ = 0;
    int frozen_ = 0;
    int slow_disk_ = 0;
    int denies_ = 0;
    instance::Right right_;
    std::optional<Instant> guarded_until_;  // the page that PID 1 shares with the guard
    std::deque<Happening> inbox_;
    int stalled_ = 0;
    std::deque<Happening> stalled_wal_;  // in the receiver's socket
    bool storing_ = false;
    Postgres postgres_ = Postgres::down;
    std::uint64_t postgres_number_ = 0;
    bool stopping_ = false;  // an immediate stop is on its way
    bool starting_ = false;
    bool closed_ = false;  // it has come to the end of its shutdown
    Duration shut_down_at_{};
    bool wal_read_ = false;   // postgres has replayed what it had
    bool shut_down_ = false;  // and its data has been looked at since
    std::string upstream_;
    bool cascades_ = false;      // that is a standby, and was named for it
    std::string compared_with_;  // the primary whose WAL its own was compared with in this run of postgres
    std::optional<Duration> streamed_at_;
    Term streamed_term_ = 0;             // of what it streamed last, whether its agent has heard of that or not
    std::map<int, Duration> connected_;  // standbys that have asked lately
    std::map<std::string, Lsn> flushed_;
    SynchronousRule rule_;  // in force
    std::uint64_t rule_since_ = 0;
};

}  // namespace pgbosun::sim
