#pragma once
// What an instance of a managed cluster has been told and has promised, on disk and in memory, and what it may be by that.
// The rules are instance/right's; here is when they are asked, stored and acted upon. Control thread.
//
// One message at a time. What must not be forgotten is on disk before it is answered and before anything of it counts, but
// for a right that became smaller: that counts at once. Killed in between, nobody has been answered. A disk that does not
// take it makes the answer a failure; a term that was seen stays seen in memory, and is stored by a later message or tick.

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "instance/events.hpp"
#include "instance/right.hpp"
#include "pgbosun/instance_control.hpp"
#include "supervision/broadcast.hpp"
#include "supervision/surroundings.hpp"
#include "supervision/upstream_choice.hpp"

namespace pgbosun::supervision {

struct RecordCodec {
    std::function<std::string(const AgentRecord&)> encode;
    std::function<Result<AgentRecord>(std::string_view)> decode;
};

class Membership {
public:
    static constexpr const char* hint_to_read =
        "mend pgbosun/assignment, or remove it when no other life of this instance can be the primary";

    struct Calls {
        RecordCodec codec;
        std::function<void(const instance::Event&)> answer;
        std::function<instance::Local()> local;
        std::function<void(std::string kind, std::string what, std::vector<std::pair<std::string, std::string>> facts)>
            record;
        std::function<void()> changed;  // something that status shows
        // When postgres must be dead; none: nothing that runs needs a right.
        std::function<void(std::optional<Instant>)> guard;
        std::function<Task<Result<PromiseAnswer>>(Peer member, PromiseRequest request)> ask;
    };

    Membership(Surroundings& outside, const Settings& settings, std::string boot_id, Calls calls);

    // Returns when the volume has answered what an earlier life left there. A record that cannot be read is never passed
    // over: without it the instance might promise twice.
    Task<> recall();
    // Runs until the loop ends.
    Task<> keep_right();
    Task<> collect_promises();

    Task<RightAnswer> receive(Assignment assignment);
    Task<RightAnswer> promise(PromiseRequest request);
    // No postgres that took writes is left.
    void writer_gone();
    // Success: on disk.
    Task<Result<>> losing_data();
    Task<Result<>> streams_from_primary(Term term);
    Task<Result<>> note_system(SystemId system_id);

    // Why recall() does not come to its end; empty: it does.
    [[nodiscard]] const std::string& unreadable() const { return unreadable_; }
    [[nodiscard]] instance::Part part() const { return given_; }
    [[nodiscard]] const instance::Right& right() const { return right_; }
    // What is on disk: only this is said to others.
    [[nodiscard]] const AgentRecord& stored() const { return stored_; }
    // Of the recorded primary, where that is another instance.
    [[nodiscard]] std::optional<Peer> primary() const;
    // Whom a controller named to stream from, once the data has been compared with that primary's: it, or another standby.
    [[nodiscard]] std::optional<Peer> named_upstream() const;
    // Whom to stream from: the same, or the primary when that standby is gone and nobody names another.
    [[nodiscard]] std::optional<Peer> upstream() const;
    // Whether the running standby streams; for the choice between the two.
    void note_stream(bool streams);

private:
    Task<> take_turn();
    [[nodiscard]] RightAnswer not_recalled() const;
    void leave_turn();
    // These with the turn taken.
    Task<RightAnswer> judge(Assignment assignment);
    Task<RightAnswer> give(PromiseRequest request);
    Task<Result<>> keep(instance::Right next);
    Task<Result<>> store(const AgentRecord& record);
    void adopt(instance::Right next);
    void act();
    Task<> ask(Peer member, PromiseRequest request);
    Task<> take(PromiseAnswer answer);
    [[nodiscard]] Duration stop_margin() const { return settings_.lease.ttl / 10; }

    Surroundings& outside_;
    const Settings& settings_;
    Calls calls_;
    instance::Right right_;
    AgentRecord stored_;
    instance::Part given_ = instance::Part::unknown;
    std::string followed_;             // the primary that was given with it
    std::map<std::string, int> asks_;  // for a promise, that are under way; by member
    Term refused_term_ = 0;            // a refusal is journalled once
    std::optional<instance::Refusal> refused_why_;
    std::string unreadable_;
    bool busy_ = true;  // until recall() is over: what is not known yet must not be answered for, nor written over
    UpstreamChoice choice_;
    Broadcast free_;
    Broadcast look_;
};

}  // namespace pgbosun::supervision
