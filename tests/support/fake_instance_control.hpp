#pragma once
// An instance and its journal that behave: they keep state, answer commands as an instance would, and wake who waits.

#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <optional>

#include "pgbosun/instance_control.hpp"
#include "pgbosun/journal.hpp"

namespace pgbosun::test {

class FakeJournal : public Journal {
public:
    explicit FakeJournal(boost::asio::io_context& io) : io_(io) {}

    void add(std::string kind, std::string what, std::vector<std::pair<std::string, std::string>> facts = {}) {
        using namespace std::chrono;
        const WallTime at = sys_days{2026y / November / 21} + seconds(++last_id_);
        entries_.push_back({last_id_, at, std::move(kind), std::move(what), std::move(facts)});
        for (auto* timer : waiting_) timer->cancel();
    }

    [[nodiscard]] std::vector<JournalEntry> since(std::uint64_t after, std::size_t limit) const override {
        std::vector<JournalEntry> found;
        for (const auto& entry : entries_) {
            if (entry.id > after && found.size() < limit) found.push_back(entry);
        }
        return found;
    }
    [[nodiscard]] std::uint64_t last_id() const override { return last_id_; }

    Task<> wait(std::uint64_t after, Duration timeout) override {
        if (last_id_ > after) co_return;
        boost::asio::steady_timer timer(io_, timeout);
        const Waiting waiting(waiting_, timer);
        boost::system::error_code error;
        co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, error));
    }

    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

private:
    using Timers = std::list<boost::asio::steady_timer*>;
    class Waiting {
    public:
        Waiting(Timers& timers, boost::asio::steady_timer& timer) : timers_(timers), timer_(timer) {
            timers_.push_back(&timer_);
        }
        ~Waiting() { timers_.remove(&timer_); }
        Waiting(const Waiting&) = delete;
        Waiting& operator=(const Waiting&) = delete;

    private:
        Timers& timers_;
        boost::asio::steady_timer& timer_;
    };

    boost::asio::io_context& io_;
    std::vector<JournalEntry> entries_;
    std::uint64_t last_id_ = 0;
    Timers waiting_;
};

// Fences, unfences and promotes; the other verbs leave the state as it is.
class FakeInstanceControl : public InstanceControl {
public:
    FakeInstanceControl(boost::asio::io_context& io, FakeJournal& journal) : io_(io), journal_(journal) {
        status_.instance = "pg-1";
        status_.cluster = "orders";
        status_.version = "0.1.0";
        status_.boot_id = "b00t";
        status_.now = Instant(std::chrono::hours(1));
        status_.phase = Phase::running;
        status_.role = Role::primary;
        status_.started = true;
        status_.ready = true;
        status_.postgres.pid = 41;
    }

    const InstanceStatus& status() override {
        ++asked_;
        return status_;
    }
    [[nodiscard]] std::uint64_t status_revision() const override { return revision_; }
    std::vector<MetricFamily> metrics() override {
        return {{"cnpg_collector_up", "1 if PostgreSQL is up, 0 otherwise.", MetricKind::gauge, {{.value = 1}}}};
    }

    Task<ControlAnswer> command(ControlRequest request) override {
        commands_.push_back(request);
        if (slow_) {
            boost::asio::steady_timer timer(io_, std::chrono::hours(1));
            slow_timer_ = &timer;
            boost::system::error_code error;
            co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, error));
            slow_timer_ = nullptr;
        }
        co_return carry_out(request);
    }

    // Terms only grow; a primary named for a term stays.
    Task<RightAnswer> assign(Assignment assignment) override {
        if (assignment.term < status_.term)
            co_return RightAnswer{Answer::refused, "a higher term has been seen", "", {}, {}};
        change([&](InstanceStatus& status) { status.term = assignment.term; });
        co_return RightAnswer{Answer::done, {}, {}, {}, {}};
    }
    Task<RightAnswer> promise(PromiseRequest request) override {
        if (request.term < status_.term) {
            co_return RightAnswer{
                Answer::refused, "a higher term has been seen", "", std::chrono::milliseconds(1500), {}};
        }
        PromiseAnswer given{status_.instance, request.term, true, request.lease};
        change([&](InstanceStatus& status) { status.term = request.term; });
        co_return RightAnswer{Answer::done, {}, {}, {}, std::move(given)};
    }

    // A backup runs until it is removed; another one is refused meanwhile.
    Task<JobAnswer> job(JobRequest request) override {
        jobs_.push_back(request);
        JobAnswer answer{Answer::under_way, "20261121T010000", "copying", {}, false};
        if (request.verb == JobVerb::remove_backup) {
            const bool known = status_.backup.running && status_.backup.running->id == request.id;
            if (!known && request.only_running)
                co_return JobAnswer{Answer::refused, {}, "backup " + request.id + " is not running", {}, false};
            if (!known) co_return JobAnswer{Answer::refused, {}, "there is no backup " + request.id, {}, true};
            change([](InstanceStatus& status) { status.backup.running.reset(); });
            answer.answer = Answer::done;
            co_return answer;
        }
        if (status_.backup.running) {
            co_return JobAnswer{Answer::refused, {}, "a backup runs already", "wait for its end, or cancel it", false};
        }
        change([&](InstanceStatus& status) {
            status.backup.running =
                RunningJob{answer.id, "copying", 1, 10, status.now, "2026-11-21T01:00:00.000Z", false};
        });
        co_return answer;
    }
    const CatalogSummary* catalog() override { return catalog_ ? &*catalog_ : nullptr; }
    void set_catalog(CatalogSummary catalog) { catalog_ = std::move(catalog); }
    [[nodiscard]] const std::vector<JobRequest>& jobs() const { return jobs_; }

    // For tests: the state as they want it.
    template <class Change>
    void change(Change make) {
        make(status_);
        ++revision_;
    }
    void pass(Duration time) { status_.now += time; }
    void hold_commands() { slow_ = true; }
    void finish_held_command() {
        if (slow_timer_) slow_timer_->cancel();
    }
    [[nodiscard]] const std::vector<ControlRequest>& commands() const { return commands_; }
    [[nodiscard]] std::size_t asked() const { return asked_; }

private:
    ControlAnswer carry_out(const ControlRequest& request) {
        switch (request.verb) {
            case Verb::fence:
                change([&](InstanceStatus& status) {
                    status.fenced = FenceStatus{request.reason, "2026-11-21T01:00:00.000Z"};
                    status.phase = Phase::fenced;
                    status.role = Role::none;
                    status.ready = false;
                    status.ready_reason = "fenced";
                });
                journal_.add("command", "fenced", {{"reason", request.reason}, {"asked_by", request.asked_by}});
                return {Answer::done, {}, {}};
            case Verb::unfence:
                change([](InstanceStatus& status) {
                    status.fenced.reset();
                    status.phase = Phase::starting;
                });
                journal_.add("command", "unfenced");
                return {Answer::under_way, {}, {}};
            case Verb::promote:
                if (status_.fenced) return {Answer::refused, "the instance is fenced", "unfence it first"};
                change([](InstanceStatus& status) { status.role = Role::primary; });
                return {Answer::done, {}, {}};
            case Verb::checkpoint: return {Answer::failed, "CHECKPOINT: connection lost", {}};
            case Verb::demote:
                if (!request.upstream.empty() && !request.upstream.starts_with("host=")) {
                    return {Answer::refused, "libpq does not understand the connection string",
                            "write it as \"host=pg-1\"", "upstream"};
                }
                return {Answer::done, {}, {}};
            case Verb::restart:
            case Verb::reclone:
            case Verb::reload: return {Answer::done, {}, {}};
        }
        std::unreachable();
    }

    boost::asio::io_context& io_;
    FakeJournal& journal_;
    InstanceStatus status_;
    std::uint64_t revision_ = 1;
    std::vector<ControlRequest> commands_;
    std::vector<JobRequest> jobs_;
    std::optional<CatalogSummary> catalog_;
    std::size_t asked_ = 0;
    bool slow_ = false;
    boost::asio::steady_timer* slow_timer_ = nullptr;
};

}  // namespace pgbosun::test
