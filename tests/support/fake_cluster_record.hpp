#pragma once
// A record engine in memory and the candidates on it. Leases run out by the clock that is passed in, and the engine can
// be away, lose answers, or write late.

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <utility>

#include "pgbosun/cluster_record.hpp"

namespace pgbosun::test {

// The engine: shared by all candidates of a cluster, and outlives them.
class FakeRecordEngine {
public:
    FakeRecordEngine(boost::asio::io_context& loop, const Clock& clock) : loop_(loop), clock_(clock) {}

    // Every call ends as `unavailable` with nothing done, until told otherwise.
    void go_away(bool away = true) { away_ = away; }
    // The next change is carried out and answered `unavailable`.
    void lose_next_answer() { lose_next_answer_ = true; }

    // Calls of one kind do not come to the engine until they are let go; `held` says that one waits.
    enum class Call { read, resign };
    void hold(Call call) { held_back_ = call; }
    void let_go() {
        held_back_.reset();
        for (auto& timer : held_) timer.cancel();
    }
    [[nodiscard]] bool held() const { return !held_.empty(); }

    // What is stored: the test's own view.
    [[nodiscard]] const std::optional<RecordText>& stored() const { return record_; }
    void plant(std::string text) {
        record_ = RecordText{std::move(text), Revision{std::to_string(++revision_)}};
        announce();
    }
    // As an operator who deletes it.
    void remove() {
        record_.reset();
        ++revision_;
        announce();
    }
    [[nodiscard]] std::optional<std::string> leader() const {
        if (!leader_ || clock_.now() >= leader_->until) return std::nullopt;
        return leader_->name;
    }

private:
    friend class FakeClusterRecord;
    struct Leader {
        std::string name;
        Instant until{};
        Duration ttl{};
    };

    void announce() {
        for (auto& timer : waiting_) timer.cancel();
    }

    Task<> pass(Call call) {
        while (held_back_ == call) {
            auto& timer = held_.emplace_back(loop_);
            const auto place = std::prev(held_.end());
            timer.expires_after(std::chrono::hours(1));
            co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
            held_.erase(place);
        }
    }

    boost::asio::io_context& loop_;
    const Clock& clock_;
    std::optional<Call> held_back_;
    std::list<boost::asio::steady_timer> held_;
    std::optional<RecordText> record_;
    std::uint64_t revision_ = 0;
    std::optional<Leader> leader_;
    std::list<boost::asio::steady_timer> waiting_;
    bool away_ = false;
    bool lose_next_answer_ = false;
};

class FakeClusterRecord final : public ClusterRecord {
public:
    FakeClusterRecord(FakeRecordEngine& engine, std::string name) : engine_(engine), name_(std::move(name)) {}

    Task<Result<RecordText>> read() override {
        co_await engine_.pass(FakeRecordEngine::Call::read);
        if (engine_.away_) co_return away();
        if (!engine_.record_) co_return fail(FaultKind::not_found, "there is no record");
        co_return *engine_.record_;
    }
    Task<Result<Revision>> create(std::string text) override { return put(std::move(text), std::nullopt); }
    Task<Result<Revision>> replace(std::string text, Revision expected) override {
        return put(std::move(text), std::move(expected));
    }
    Task<Result<RecordChange>> changed(Duration wait) override {
        if (engine_.away_) co_return away();
        if (told_ == engine_.revision_) {
            auto& timer = engine_.waiting_.emplace_back(engine_.loop_);
            const auto place = std::prev(engine_.waiting_.end());
            timer.expires_after(wait);
            co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
            engine_.waiting_.erase(place);
        }
        co_return std::exchange(told_, engine_.revision_) != engine_.revision_ ? RecordChange::seen
                                                                               : RecordChange::none;
    }
    Task<Result<>> campaign(Duration ttl) override {
        if (engine_.away_) co_return away();
        const auto leader = engine_.leader();
        if (leader && *leader != name_) co_return fail(FaultKind::conflict, *leader + " leads");
        engine_.leader_ = {name_, engine_.clock_.now() + ttl, ttl};
        co_return answered<>({});
    }
    Task<Result<>> keep() override {
        if (engine_.away_) co_return away();
        if (engine_.leader() != name_) co_return fail(FaultKind::conflict, name_ + " does not lead");
        engine_.leader_->until = engine_.clock_.now() + engine_.leader_->ttl;
        co_return answered<>({});
    }
    Task<Result<>> resign() override {
        co_await engine_.pass(FakeRecordEngine::Call::resign);
        if (engine_.away_) co_return away();
        if (engine_.leader() == name_) engine_.leader_.reset();
        co_return answered<>({});
    }
    Task<Result<std::optional<std::string>>> leader() override {
        if (engine_.away_) co_return away();
        co_return engine_.leader();
    }
    [[nodiscard]] std::string describe() const override { return "a record in memory"; }

private:
    static std::unexpected<Fault> away() {
        return fail(FaultKind::unavailable, "the record is away (told by the test)");
    }

    template <class T = void>
    Result<T> answered(Result<T> answer) {
        if (!std::exchange(engine_.lose_next_answer_, false)) return answer;
        return fail(FaultKind::unavailable, "the answer is lost (told by the test)");
    }

    Task<Result<Revision>> put(std::string text, std::optional<Revision> expected) {
        if (engine_.away_) co_return away();
        const auto& stored = engine_.record_;
        const auto is = stored ? std::optional(stored->revision) : std::nullopt;
        if (is != expected) co_return fail(FaultKind::conflict, "the record is of another revision");
        engine_.plant(std::move(text));
        co_return answered<Revision>(engine_.record_->revision);
    }

    FakeRecordEngine& engine_;
    std::string name_;
    std::optional<std::uint64_t> told_;
};

}  // namespace pgbosun::test
