#include "instance/right.hpp"

#include <algorithm>
#include <utility>

namespace pgbosun::instance {
namespace {

// The end of a lease that holds now; none: it grants nothing.
std::optional<Instant> end_of(const Right& right, const Lease& lease, Instant now) {
    if (lease.echo.boot_id != right.boot_id || lease.echo.at > now) return std::nullopt;
    const Instant end = lease.echo.at + std::min(lease.ttl, right.ttl);
    return now < end ? std::optional(end) : std::nullopt;
}

bool lists(const PromotableList& list, const std::string& name) {
    return std::ranges::find(list.names, name) != list.names.end();
}

bool well_formed(const Assignment& assignment) {
    return assignment.term > 0 && !assignment.primary.empty() && !lists(assignment.promotable, assignment.primary) &&
           assignment.upstream != assignment.instance &&
           (!assignment.lease || assignment.lease->ttl > Duration::zero());
}

// With a term comes the list of the members: by it promises are asked for, and the primary is followed.
bool names_members(const Assignment& assignment) {
    return std::ranges::find(assignment.peers, assignment.primary, &Peer::name) != assignment.peers.end();
}

// A higher term ends every right of an older one; what had begun under it may still be brought to its end.
void raise_term(Right& right, Term term, const std::string& primary) {
    if (term > right.record.term) {
        if (is_primary(right)) right.stop_by = valid_until(right);
        right.leased_until.reset();
        right.promises.clear();
        right.record.term = term;
        right.record.upstream.clear();
    }
    right.record.primary = primary;
}

void holds_data_of(AgentRecord& record, Term term) {
    record.data_term = term;
    if (record.first_term == 0) record.first_term = term;
}

Reception refused(Right right, Refusal refusal, std::optional<Instant> again_at = {}) {
    return Reception{std::move(right), refusal, again_at};
}

std::optional<Refusal> misdirected(const Right& right, const Assignment& assignment) {
    const AgentRecord& record = right.record;
    if (assignment.cluster != record.cluster) return Refusal::other_cluster;
    if (assignment.instance != record.instance) return Refusal::other_instance;
    if (!well_formed(assignment)) return Refusal::malformed;
    if (assignment.term < record.term) return Refusal::old_term;
    if (assignment.term > record.term && !names_members(assignment)) return Refusal::malformed;
    const bool known = assignment.term == record.term && !record.primary.empty();
    if (known && assignment.primary != record.primary) return Refusal::other_primary;
    return std::nullopt;
}

// The primary goes on. A list is taken over only where the right to write outlives that: the new one may name
// a member that has not promised yet.
Reception renew(Right right, const Assignment& assignment, Instant now) {
    if (assignment.lease) {
        const auto end = end_of(right, *assignment.lease, now);
        if (end) right.leased_until = std::max(right.leased_until.value_or(*end), *end);
    }
    AgentRecord& record = right.record;
    if (assignment.promotable.version > record.promotable.version) {
        Right after = right;
        after.record.promotable = assignment.promotable;
        if (may_write(after, now) || !may_write(right, now)) {
            std::erase_if(after.promises, [&](const auto& it) { return !lists(after.record.promotable, it.from); });
            right = std::move(after);
        }
    }
    if (assignment.synchronous.version > record.synchronous.version) record.synchronous = assignment.synchronous;
    if (!assignment.peers.empty()) record.peers = assignment.peers;
    return Reception{std::move(right), {}, {}};
}

// Its cluster follows another one, or did so until this term: what that one has would be missing in a new database.
bool has_followed(const Right& right) {
    return std::ranges::find(right.record.peers, source_name, &Peer::name) != right.record.peers.end();
}

std::optional<Refusal> unable(const Right& right, const Local& local, const Assignment& assignment) {
    if (local.fenced) return Refusal::fenced;
    if (local.ending) return Refusal::ending;
    const bool data_expected = assignment.at_least != Reach{} || has_followed(right);
    if (local.data == Data::none && data_expected) return Refusal::no_data;
    if (reach(right, local.timeline, local.lsn) < assignment.at_least) return Refusal::data_behind;
    return std::nullopt;
}

// From when on no promise of an earlier life can hold.
Instant settled_at(const Right& right) {
    return right.up_since + with_margin(std::max(right.ttl, right.record.longest_promise));
}

Reception promote(Right right, const Assignment& assignment, const Local& local, Instant now) {
    if (const auto refusal = unable(right, local, assignment)) return refused(std::move(right), *refusal);
    if (!assignment.lease) return refused(std::move(right), Refusal::no_lease);
    const auto end = end_of(right, *assignment.lease, now);
    if (!end) return refused(std::move(right), Refusal::late);
    if (assignment.former != FormerPrimary::stopped) {
        const auto promised = right.promised_until;
        if (promised && now < *promised) return refused(std::move(right), Refusal::promised, promised);
        const Instant settled = settled_at(right);
        if (now < settled) return refused(std::move(right), Refusal::just_started, settled);
    }
    right.record.accepted = assignment.term;
    holds_data_of(right.record, assignment.term);
    right.record.promotable = assignment.promotable;
    right.record.synchronous = assignment.synchronous;
    right.record.peers = assignment.peers;
    right.leased_until = *end;
    right.promises.clear();
    right.stop_by.reset();
    return Reception{std::move(right), {}, {}};
}

}  // namespace

bool is_primary(const Right& right) { return right.record.term > 0 && right.record.accepted == right.record.term; }

std::optional<Instant> valid_until(const Right& right) {
    if (!is_primary(right)) return std::nullopt;
    std::optional<Instant> promised = Instant::max();
    for (const auto& name : right.record.promotable.names) {
        const auto found = std::ranges::find(right.promises, name, &ReceivedPromise::from);
        if (found == right.promises.end()) {
            promised.reset();
            break;
        }
        promised = std::min(*promised, found->until);
    }
    if (!promised || !right.leased_until) return promised ? promised : right.leased_until;
    return std::max(*promised, *right.leased_until);
}

bool may_write(const Right& right, Instant now) {
    const auto until = valid_until(right);
    return until && now < *until;
}

Part part_of(const Right& right, Instant now) {
    if (right.record.term == 0) return Part::unknown;
    if (is_primary(right)) return may_write(right, now) ? Part::primary : Part::isolated;
    return right.record.primary.empty() ? Part::unknown : Part::standby;
}

std::optional<Instant> next_change(const Right& right, Instant now) {
    const auto end = stop_by(right);
    if (!end || *end == Instant::max() || *end <= now) return std::nullopt;
    return end;
}

std::string_view reason(Refusal refusal) {
    switch (refusal) {
        case Refusal::other_cluster: return "it is for another cluster";
        case Refusal::other_instance: return "it is for another instance";
        case Refusal::malformed:
            return "it makes no sense: no term, no primary, no time, a primary on its own list, or no list of the "
                   "members with it";
        case Refusal::old_term: return "a higher term has been seen";
        case Refusal::other_primary: return "another primary is known for this term";
        case Refusal::no_lease: return "a new term is announced; its lease comes when the former primary cannot write";
        case Refusal::late: return "its lease has run out, or was granted to an earlier life of this agent";
        case Refusal::promised: return "the old primary still holds this instance's promise";
        case Refusal::just_started: return "an earlier life of this agent may have promised";
        case Refusal::fenced: return "the instance is fenced";
        case Refusal::ending: return "pgbosun is ending";
        case Refusal::no_data: return "the instance has no data";
        case Refusal::data_behind: return "the instance holds less than was expected of it";
        case Refusal::is_primary: return "the instance is the primary of this term itself";
        case Refusal::new_volume: return "no controller has named a term to this instance since it has this volume";
    }
    std::unreachable();
}

std::string_view hint(Refusal refusal) {
    switch (refusal) {
        case Refusal::other_cluster:
        case Refusal::other_instance: return "compare `cluster` and `instance` of both configurations";
        case Refusal::malformed: return "controller and agent should be of the same version";
        case Refusal::old_term: return "read the cluster's record again";
        case Refusal::other_primary: return "two controllers with different records? there must be one record";
        case Refusal::no_lease: return "wait for it";
        case Refusal::late: return "answer the newest status, within lease.ttl";
        case Refusal::promised:
        case Refusal::just_started: return "ask again when again_at says";
        case Refusal::fenced: return "pgbosun unfence lifts it";
        case Refusal::ending: return "choose another instance";
        case Refusal::no_data:
        case Refusal::data_behind: return "choose the instance that holds the most";
        case Refusal::is_primary: return "take it off the promotable list";
        case Refusal::new_volume: return "let it reach a controller";
    }
    std::unreachable();
}

std::optional<Instant> stop_by(const Right& right) { return is_primary(right) ? valid_until(right) : right.stop_by; }

Reception receive(const Right& right, const Assignment& assignment, const Local& local, Instant now) {
    if (const auto refusal = misdirected(right, assignment)) return refused(right, *refusal);
    Right next = right;
    raise_term(next, assignment.term, assignment.primary);
    if (assignment.primary != next.record.instance) {
        next.record.upstream = assignment.upstream;
        if (!assignment.peers.empty()) next.record.peers = assignment.peers;
        return Reception{std::move(next), {}, {}};
    }
    if (is_primary(next)) return renew(std::move(next), assignment, now);
    return promote(std::move(next), assignment, local, now);
}

PromiseGiven give_promise(const Right& right, const PromiseRequest& request, Instant now) {
    const auto refuse = [&](const Right& after, Refusal refusal) {
        return PromiseGiven{after, PromiseAnswer{after.record.instance, after.record.term, false, {}}, refusal};
    };
    if (request.cluster != right.record.cluster) return refuse(right, Refusal::other_cluster);
    if (request.term == 0 || request.from.empty() || request.from == right.record.instance ||
        request.lease.ttl <= Duration::zero()) {
        return refuse(right, Refusal::malformed);
    }
    if (right.record.term == 0) return refuse(right, Refusal::new_volume);
    if (request.term < right.record.term) return refuse(right, Refusal::old_term);
    if (request.term == right.record.term) {
        if (is_primary(right)) return refuse(right, Refusal::is_primary);
        const auto& primary = right.record.primary;
        if (!primary.empty() && primary != request.from) return refuse(right, Refusal::other_primary);
    }
    Right next = right;
    raise_term(next, request.term, request.from);
    const Duration ttl = std::min(request.lease.ttl, right.ttl);
    const Instant until = now + with_margin(ttl);
    next.promised_until = std::max(next.promised_until.value_or(until), until);
    next.record.longest_promise = std::max(next.record.longest_promise, ttl);
    const Lease lease{request.lease.echo, ttl};
    PromiseAnswer answer{next.record.instance, next.record.term, true, lease};
    return PromiseGiven{std::move(next), std::move(answer), {}};
}

std::optional<PromiseRequest> ask_promise(const Right& right, Instant now) {
    if (!is_primary(right)) return std::nullopt;
    return PromiseRequest{right.record.cluster, right.record.instance, right.record.term,
                          Lease{Echo{right.boot_id, now}, right.ttl}};
}

Right take_promise(const Right& right, const PromiseAnswer& answer, Instant now) {
    if (!is_primary(right) || !answer.promised || answer.term != right.record.term) return right;
    if (!lists(right.record.promotable, answer.from)) return right;
    const auto end = end_of(right, answer.lease, now);
    if (!end) return right;
    Right next = right;
    const auto found = std::ranges::find(next.promises, answer.from, &ReceivedPromise::from);
    if (found == next.promises.end()) {
        next.promises.push_back({answer.from, *end});
    } else {
        found->until = std::max(found->until, *end);
    }
    return next;
}

Reach reach(const Right& right, Timeline timeline, Lsn lsn) { return {right.record.data_term, timeline, lsn}; }

Right streams(const Right& right) {
    Right next = right;
    holds_data_of(next.record, right.record.term);
    return next;
}

Right loses_data(const Right& right) {
    Right next = right;
    next.record.data_term = 0;
    return next;
}

Right stopped(const Right& right) {
    Right next = right;
    next.stop_by.reset();
    return next;
}

Instant bound_until(const Right& right) {
    return std::max(settled_at(right), right.promised_until.value_or(Instant::min()));
}

Right recalled(AgentRecord record, std::string boot_id, Duration ttl, Instant now) {
    Right right;
    right.record = std::move(record);
    right.boot_id = std::move(boot_id);
    right.ttl = ttl;
    right.up_since = now;
    return right;
}

}  // namespace pgbosun::instance
