#pragma once
// An agent in memory that keeps the real rules of the right to write, beside a postgres that does as it is told. A
// standby of it streams whenever its primary serves.

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "instance/right.hpp"
#include "pgbosun/agent_link.hpp"

namespace pgbosun::test {

// The agents of one cluster, so that they can follow one another.
struct FakeAgents;

class FakeAgent {
public:
    FakeAgent(boost::asio::io_context& loop, const Clock& clock, FakeAgents& all, std::string name, Duration ttl);

    bool reachable = true;
    bool postgres_up = true;
    bool fenced = false;  // its postgres is stopped then
    bool delayed = false;
    bool full = false;
    bool has_data = true;
    int asked = 0;
    int assigned = 0;
    int checkpoints = 0;           // that were begun
    int checkpoints_ended = 0;     // of these
    bool slow_checkpoint = false;  // they end when it is false again, at the next tell()
    bool failing_checkpoint = false;

    [[nodiscard]] bool serves() const { return postgres_up && is_primary(right_) && may_write(right_, clock_.now()); }
    [[nodiscard]] const instance::Right& right() const { return right_; }
    // Something has happened that its event stream tells of.
    void tell() {
        for (auto& timer : followers_) timer.cancel();
    }
    // PID 1 and postgres are gone.
    void die() {
        reachable = false;
        postgres_up = false;
        tell();
    }
    // A new life, with what was on the volume.
    void come_back();
    void fence(bool on = true) {
        fenced = on;
        postgres_up = !on;
        tell();
    }

    InstanceStatus status();
    Result<> take(const Assignment& assignment);
    Task<Result<>> follow(std::function<void()> on_event);
    Task<Result<>> checkpoint();

private:
    [[nodiscard]] bool streams() const;

    boost::asio::io_context& loop_;
    const Clock& clock_;
    FakeAgents& all_;
    std::string name_;
    instance::Right right_;
    std::list<boost::asio::steady_timer> followers_;
    int lives_ = 1;
};

struct FakeAgents {
    std::map<std::string, std::unique_ptr<FakeAgent>> agents;
    FakeAgent& operator[](const std::string& name) { return *agents.at(name); }
    [[nodiscard]] std::string serving() const {
        std::string names;
        for (const auto& [name, agent] : agents) {
            if (agent->serves()) names.append(names.empty() ? "" : " and ").append(name);
        }
        return names;
    }
};

class FakeAgentLink final : public AgentLink {
public:
    explicit FakeAgentLink(FakeAgent& agent) : agent_(agent) {}

    Task<Result<InstanceStatus>> status() override {
        if (!agent_.reachable) co_return away();
        co_return agent_.status();
    }
    Task<Result<>> assign(Assignment assignment) override {
        if (!agent_.reachable) co_return away();
        co_return agent_.take(assignment);
    }
    Task<Result<>> checkpoint() override {
        if (!agent_.reachable) co_return away();
        co_return co_await agent_.checkpoint();
    }
    Task<Result<>> follow(std::function<void()> on_event) override {
        if (!agent_.reachable) return gone();
        return agent_.follow(std::move(on_event));
    }

private:
    static std::unexpected<Fault> away() {
        return fail(FaultKind::unavailable, "the agent is away (told by the test)");
    }
    static Task<Result<>> gone() { co_return away(); }

    FakeAgent& agent_;
};

inline FakeAgent::FakeAgent(boost::asio::io_context& loop, const Clock& clock, FakeAgents& all, std::string name,
                            Duration ttl)
    : loop_(loop), clock_(clock), all_(all), name_(std::move(name)) {
    instance::AgentRecord record;
    record.cluster = "orders";
    record.instance = name_;
    right_ = instance::recalled(std::move(record), name_ + "-life-1", ttl, clock_.now() - std::chrono::hours(1));
}

inline void FakeAgent::come_back() {
    const std::string life = name_ + "-life-" + std::to_string(++lives_);
    right_ = instance::recalled(right_.record, life, right_.ttl, clock_.now());
    reachable = true;
    postgres_up = true;
    tell();
}

inline bool FakeAgent::streams() const {
    if (right_.record.primary == source_name) return postgres_up;
    const auto primary = all_.agents.find(right_.record.primary);
    return postgres_up && !is_primary(right_) && primary != all_.agents.end() && primary->second->serves() &&
           primary->second->right().record.term == right_.record.term;
}

inline InstanceStatus FakeAgent::status() {
    ++asked;
    InstanceStatus it;
    auto& record = right_.record;
    if (streams() || serves()) {
        record.data_term = record.term;
        if (record.first_term == 0) record.first_term = record.term;
    }
    it.instance = name_;
    it.cluster = "orders";
    it.boot_id = right_.boot_id;
    it.now = clock_.now();
    it.phase = postgres_up ? Phase::running : Phase::stopped;
    it.role = !postgres_up ? Role::none : serves() ? Role::primary : Role::standby;
    it.term = record.term;
    if (has_data) it.system_id = SystemId{7};
    if (fenced) it.fenced = FenceStatus{"a test", {}};
    it.volumes.emplace_back().name = "data";
    if (full) it.volumes[0].full_since = it.now;
    it.lsn.streaming = streams();
    ManagedStatus& managed = it.managed.emplace();
    managed.accepted = record.accepted;
    managed.primary = record.primary;
    const auto& from = record.upstream.empty() ? record.primary : record.upstream;
    const auto peer = std::ranges::find(record.peers, from, &Peer::name);
    managed.upstream = peer == record.peers.end() ? std::string() : peer->conninfo;
    managed.serving = serves();
    managed.stopped = !postgres_up || !is_primary(right_);
    managed.able = postgres_up && !full;
    if (delayed) managed.apply_delay = std::chrono::hours(1);
    if (has_data) managed.reach = reach(right_, Timeline{1}, Lsn{0x5000000});
    managed.promotable_version = record.promotable.version;
    managed.synchronous_version = record.synchronous.version;
    managed.promised_term = record.term;
    return it;
}

inline Result<> FakeAgent::take(const Assignment& assignment) {
    ++assigned;
    instance::Local local;
    local.fenced = fenced;
    local.data = !has_data            ? instance::Data::none
                 : is_primary(right_) ? instance::Data::primary
                                      : instance::Data::standby;
    local.timeline = Timeline{1};
    local.lsn = has_data ? Lsn{0x5000000} : Lsn{};
    const bool was_primary = is_primary(right_);
    const auto reception = instance::receive(right_, assignment, local, clock_.now());
    right_ = reception.right;
    if (is_primary(right_) != was_primary) tell();
    if (!reception.refusal) return {};
    return fail(FaultKind::refused, std::string(reason(*reception.refusal)), std::string(hint(*reception.refusal)));
}

inline Task<Result<>> FakeAgent::follow(std::function<void()> on_event) {
    while (reachable) {
        auto& timer = followers_.emplace_back(loop_);
        const auto place = std::prev(followers_.end());
        timer.expires_after(std::chrono::seconds(15));
        co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
        followers_.erase(place);
        if (reachable) on_event();
    }
    co_return fail(FaultKind::unavailable, "the stream broke off");
}

inline Task<Result<>> FakeAgent::checkpoint() {
    ++checkpoints;
    while (slow_checkpoint) {
        auto& timer = followers_.emplace_back(loop_);
        const auto place = std::prev(followers_.end());
        timer.expires_after(std::chrono::hours(1));
        co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
        followers_.erase(place);
    }
    ++checkpoints_ended;
    if (failing_checkpoint) co_return fail(FaultKind::unavailable, "the checkpoint is still being written");
    co_return Result<>{};
}

}  // namespace pgbosun::test
