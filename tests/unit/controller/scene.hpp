#pragma once
// A cluster of a, b and c under term 5 with primary a, as a controller sees it that has led for long.

#include "controller/choose.hpp"

namespace pgbosun::test {

inline constexpr Instant now{std::chrono::seconds(5000)};
inline constexpr Duration ttl = std::chrono::seconds(3);

inline controller::Policy policy() {
    controller::Policy policy;
    policy.cluster = "orders";
    for (const char* name : {"a", "b", "c"}) {
        policy.members.push_back({Peer{name, std::string("http://") + name, std::string("host=") + name}, 0});
    }
    policy.ttl = ttl;
    policy.restart_window = std::chrono::seconds(5);
    return policy;
}

inline controller::Record record() {
    controller::Record record;
    record.cluster = "orders";
    record.term = 5;
    record.primary = "a";
    record.promotable = record.acknowledged = {3, {"b", "c"}};
    record.system_id = SystemId{7};
    record.lease_ttl = record.longest_lease = ttl;
    return record;
}

inline controller::Report report(const std::string& name, std::uint64_t lsn = 100, Term term = 5) {
    controller::Report it;
    it.instance = name;
    it.cluster = "orders";
    it.echo = {name + " boot", Instant(std::chrono::seconds(77))};
    it.term = term;
    it.primary = term > 5 ? "b" : "a";
    it.able = it.streaming = it.runs_as_standby = true;
    it.reach = {5, Timeline{1}, Lsn{lsn}};
    it.system_id = SystemId{7};
    return it;
}

inline controller::Report primary_report(std::uint64_t lsn = 100) {
    auto it = report("a", lsn);
    it.accepted = 5;
    it.serving = true;
    it.stopped = it.streaming = it.runs_as_standby = false;
    it.promotable_version = 3;
    return it;
}

inline void sees(controller::Knowledge& known, controller::Report report, Instant at = now) {
    controller::observe(known, policy(), std::move(report), at, at);
}

inline controller::Knowledge leading() {
    auto known = controller::elected(now - std::chrono::hours(1), now + std::chrono::hours(1));
    controller::learn(known, record(), now - std::chrono::hours(1));
    return known;
}

inline controller::Knowledge healthy() {
    auto known = leading();
    sees(known, primary_report());
    sees(known, report("b"));
    sees(known, report("c"));
    return known;
}

// b, which is to be the primary of term 6.
inline controller::Report candidate(std::uint64_t lsn = 100) {
    auto it = report("b", lsn, 6);
    it.primary = "b";
    return it;
}

// What `choice` wants written.
inline const controller::Record* written(const controller::Choice& choice) {
    for (const auto& action : choice.actions) {
        if (const auto* it = std::get_if<controller::Write>(&action)) return &it->record;
    }
    return nullptr;
}

inline controller::Choice chosen(controller::Knowledge& known, Instant at = now) {
    return controller::choose(known, policy(), at);
}

// What `choice` says to the instance of that name.
inline const Assignment* told(const controller::Choice& choice, const std::string& name) {
    for (const auto& action : choice.actions) {
        const auto* it = std::get_if<controller::Assign>(&action);
        if (it != nullptr && it->assignment.instance == name) return &it->assignment;
    }
    return nullptr;
}

}  // namespace pgbosun::test
