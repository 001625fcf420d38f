#include "controller/controller.hpp"

#include <algorithm>

#include "controller/old_record.hpp"
#include "pgbosun/log.hpp"
#include "pgbosun/spawn.hpp"

namespace pgbosun::controller {
namespace {

constexpr Duration longest_pause = std::chrono::milliseconds(100);  // between two looks at what is known
constexpr Duration close_look = std::chrono::milliseconds(15);      // while something is waited for
constexpr Duration publish_again = std::chrono::seconds(1);         // after a failure
constexpr Duration shortest_leadership = std::chrono::seconds(2);   // what etcd grants at least

Duration whole_seconds(Duration ttl) {
    return std::chrono::ceil<std::chrono::seconds>(std::max(ttl, shortest_leadership));
}

}  // namespace

Candidate Candidate::parse(const std::string& text) {
    const auto space = text.find(' ');
    return space == std::string::npos ? Candidate{"", text} : Candidate{text.substr(0, space), text.substr(space + 1)};
}

Controller::Controller(boost::asio::io_context& loop, const Clock& clock, Policy policy, Candidate candidate,
                       ControllerParts parts)
    : loop_(loop), clock_(clock), policy_(std::move(policy)), candidate_(std::move(candidate)),
      publication_(parts.publication), keeper_(loop, clock, *parts.record, policy_, candidate_.text(),
                                               whole_seconds(policy_.ttl), [this] { decide_.wake(); }),
      decide_(loop), publish_(loop) {
    for (auto& [name, link] : parts.links) {
        auto hear = [this, whose = name](const Heard& heard) { take(whose, heard); };
        instances_[name].observer =
            std::make_unique<Observer>(loop_, clock_, std::move(link), policy_.ttl / 6, std::move(hear));
    }
}

void Controller::begin() {
    for (auto& [name, instance] : instances_) instance.observer->begin();
    keeper_.begin();
    spawn(loop_, act());
    if (publication_ != nullptr) spawn(loop_, publish_all());
}

void Controller::take(const std::string& name, const Heard& heard) {
    Instance& instance = instances_.at(name);
    instance.heard = heard;
    auto report = heard.status ? report_of(*heard.status, policy_.cluster, name)
                               : std::expected<Report, std::string>(std::unexpected(heard.status.error().what));
    const std::string trouble = report ? "" : report.error();
    if (trouble != instance.trouble) {
        if (report) log::info("the instance answers", {{"instance", name}});
        if (!report) log::warning("the instance is not counted on: " + trouble, {{"instance", name}});
        instance.trouble = trouble;
    }
    if (heard.status) {
        // Perhaps in another pod, which has no label.
        if (instance.last && instance.last->boot_id != heard.status->boot_id) instance.published.reset();
        instance.last = *heard.status;
        instance.last_at = heard.received_at;
    }
    if (report && keeper_.knowledge() != nullptr) {
        observe(*keeper_.knowledge(), policy_, std::move(*report), heard.asked_at, heard.received_at);
    }
    decide_.wake();
}

Task<> Controller::act() {
    for (;;) {
        Duration pause = longest_pause;
        note_order();  // before something else is made of the record
        if (Knowledge* known = keeper_.knowledge()) {
            const Instant now = clock_.now();
            Choice choice = choose(*known, policy_, now);
            note(choice);
            look_closely(choice, now);
            for (auto& action : choice.actions) perform(std::move(action));
            if (!choice.waits_for.empty()) pause = close_look;
            if (choice.look_again) pause = std::clamp(*choice.look_again - now, Duration::zero(), pause);
        } else {
            serving_term_ = 0;
            waits_for_.clear();
            hint_.clear();
        }
        publish_.wake();
        co_await decide_.wait(pause);
        // A deadline that has passed and still waits for something must not make this spin.
        if (pause == Duration::zero()) co_await decide_.wait(std::chrono::milliseconds(1));
    }
}

void Controller::perform(Action action) {
    if (auto* assign = std::get_if<Assign>(&action)) {
        tell_given_up(assign->assignment);
        spawn(loop_, deliver(std::move(assign->assignment)));
    } else {
        perform_write(std::move(std::get<Write>(action)));
    }
}

// Once, when it is certain.
void Controller::tell_given_up(const Assignment& promotion) {
    const Knowledge& known = *keeper_.knowledge();
    const bool promotes = promotion.instance == promotion.primary && promotion.lease && known.promoted_at;
    if (!promotes || promotion.term == promoted_term_ || find(known, promotion.instance) == nullptr) return;
    promoted_term_ = promotion.term;
    const Field field{known, policy_, {}, clock_.now()};
    const auto more = given_up(field, promotion.instance);
    if (!more) return;
    const std::string text = to_text(*more, promotion.instance);
    log::warning("WAL is given up: " + text,
                 {{"promoted", promotion.instance}, {"judged_by_max_lag", judged_by_max_lag(field, *more)}});
    if (publication_ != nullptr) spawn(loop_, tell("WalGivenUp", text));
}

void Controller::perform_write(Write write) {
    const Record& before = *keeper_.knowledge()->record;
    const Record& after = write.record;
    if (after.term != before.term) {
        ++changes_;
        log::warning("the primary is to change", {{"from", before.primary},
                                                  {"to", after.primary},
                                                  {"term", after.term},
                                                  {"forced", after.data_loss == DataLoss::accepted}});
    } else if (after.promotable != before.promotable) {
        std::string names;
        for (const auto& name : after.promotable.names) names.append(names.empty() ? "" : ", ").append(name);
        log::info("the promotable list changes", {{"names", names}, {"term", after.term}});
    }
    keeper_.write(std::move(write.record));
}

// What is waited for is most likely what somebody has to say: nobody is left for the next usual look meanwhile.
void Controller::look_closely(const Choice& choice, Instant now) {
    if (choice.waits_for.empty() || now - looked_closely_at_ < close_look) return;
    looked_closely_at_ = now;
    for (auto& [name, instance] : instances_) instance.observer->look_again();
}

// What has changed since the last look, once.
void Controller::note(const Choice& choice) {
    const Knowledge& known = *keeper_.knowledge();
    if (choice.waits_for != waits_for_) {
        waits_for_ = choice.waits_for;
        hint_ = choice.hint;
        if (!waits_for_.empty()) log::warning("no failover yet: " + waits_for_, {{"hint", hint_}});
    }
    note_wish(clock_.now());
    if (!known.record || known.record->term == 0 || !is_serving(known, policy_, clock_.now())) return;
    if (known.record->term == serving_term_) return;
    serving_term_ = known.record->term;
    log::info("the primary takes writes", {{"primary", known.record->primary}, {"term", serving_term_}});
    if (publication_ == nullptr) return;
    std::string message = known.record->primary + " is the primary of term " + std::to_string(serving_term_);
    spawn(loop_, tell("PrimaryServes", std::move(message)));
}

// What becomes of what an operator has asked for is told once, and nothing of it is kept then.
void Controller::note_wish(Instant now) {
    Knowledge& known = *keeper_.knowledge();
    if (!known.wanted) return;
    const Wanted& wish = *known.wanted;
    const bool moving = known.in_flight && known.in_flight->primary == wish.primary;
    const bool late = pending_wish(known) != nullptr && !moving && now >= wish.until;
    const bool so = known.record && known.record->primary == wish.primary && is_serving(known, policy_, now);
    if (late) log::error("the switchover was not possible in time", {{"to", wish.primary}});
    if (wish.step == WishStep::overtaken) {
        const std::string primary = known.record ? known.record->primary : "";
        log::error("the switchover is given up: another one is the primary now",
                   {{"to", wish.primary}, {"primary", primary}});
    }
    if (late || so || wish.step == WishStep::overtaken) known.wanted.reset();
}

// It was made of a record that may have been another one when it was written: then it was dropped, and who has asked is told.
void Controller::note_order() {
    if (!ordered_) return;
    const Knowledge* known = knowledge();
    if (known != nullptr && (!known->record || known->in_flight)) return;
    const auto& record = known != nullptr ? known->record : keeper_.last_read();
    const bool done = record && record->term >= ordered_->term && record->primary == ordered_->primary &&
                      record->source == ordered_->source && record->paused == ordered_->paused;
    if (!done) {
        log::error("what an operator has asked for is not in the record, which has changed in that moment",
                   {{"primary", ordered_->primary}, {"paused", ordered_->paused}, {"hint", "ask again"}});
    }
    ordered_.reset();
}

Task<> Controller::deliver(Assignment assignment) {
    const std::string name = assignment.instance;
    const bool promotion = assignment.primary == name;
    Instance& instance = instances_.at(name);
    const auto taken = co_await instance.observer->link().assign(std::move(assignment));
    const std::string refusal = taken ? "" : taken.error().text();
    if (refusal != instance.refusal && !taken) {
        log::warning("an assignment was not taken: " + refusal, {{"instance", name}, {"primary", promotion}});
    }
    instance.refusal = refusal;
    const bool news = instance.last && instance.last->managed && taken &&
                      (!promotion || instance.last->managed->accepted != instance.last->term);
    if (news) instance.observer->look_again();
}

bool Controller::is_fresh(const Instance& instance) const {
    return instance.trouble.empty() && clock_.now() - instance.last_at < policy_.ttl;
}

// none: it stays as it is, because nobody knows better.
std::optional<PublishedRole> Controller::role_of(const std::string& name) const {
    const Knowledge& known = *knowledge();
    const Instance& instance = instances_.at(name);
    // Whether the record is older than what it knows is seen when it has answered under this leadership.
    const bool is_unheard = is_fresh(instance) && find(known, name) == nullptr;
    if (is_unheard || !why_old(known).empty()) return std::nullopt;
    const bool recorded = name == known.record->primary;
    if (recorded && is_serving(known, policy_, clock_.now())) return PublishedRole::primary;
    // A primary that is silent to us may serve by the promises of the others.
    if (recorded && !is_fresh(instance)) return std::nullopt;
    // Whether it may be read from is for its readiness to say: during a failover no standby streams.
    if (!recorded && is_fresh(instance) && instance.last->role == Role::standby) return PublishedRole::standby;
    const bool was_standby = instance.published == PublishedRole::standby;
    if (!recorded && !is_fresh(instance) && was_standby) return std::nullopt;
    return PublishedRole::none;
}

Task<> Controller::publish_all() {
    Wake breath(loop_);
    for (;;) {
        co_await publish_.wait(publish_again);
        // Who is no primary any more first.
        for (const bool primaries : {false, true}) {
            for (auto& [name, instance] : instances_) {
                if (knowledge() == nullptr || !knowledge()->record) {
                    instance.published.reset();
                    continue;
                }
                const auto role = role_of(name);
                if (!role || role == instance.published || (role == PublishedRole::primary) != primaries) continue;
                co_await publish(name, *role);
                if (instance.published != role) co_await breath.wait(publish_again / 10);
            }
        }
    }
}

Task<> Controller::publish(const std::string& name, PublishedRole role) {
    Instance& instance = instances_.at(name);
    const std::string of_boot = instance.last ? instance.last->boot_id : "";
    std::string whom = name;
    const auto published = co_await publication_->publish(std::move(whom), role);
    const bool same_boot = of_boot == (instance.last ? instance.last->boot_id : "");
    if (published) {
        if (same_boot) instance.published = role;
        log::info("the role is published", {{"instance", name}, {"role", to_string(role)}});
    } else if (published.error().kind != FaultKind::not_found) {
        log::warning("the role is not published: " + published.error().text(), {{"instance", name}});
    }
}

Task<> Controller::tell(std::string reason, std::string message) {
    std::ignore = co_await publication_->tell(std::move(reason), std::move(message));  // nobody depends on it
}

ControllerStatus Controller::status() {
    ControllerStatus it;
    const Candidate leader = Candidate::parse(keeper_.leader());
    it.now = clock_.now();
    it.cluster = policy_.cluster;
    it.candidate = candidate_.id;
    it.leader = leader.id;
    it.leader_url = leader.url;
    it.leads = knowledge() != nullptr;
    it.record_at = keeper_.describe();
    it.record_answers = keeper_.answers();
    it.record_trouble = keeper_.trouble();
    if (!it.record_trouble.empty() && !keeper_.hint().empty()) it.record_trouble += " (" + keeper_.hint() + ")";
    const auto& record = knowledge() != nullptr && knowledge()->record ? knowledge()->record : keeper_.last_read();
    if (record) {
        it.term = record->term;
        it.primary = record->primary;
        it.source = record->source;
        it.paused = record->paused;
        // Who could take over now: a list counts when the primary has taken it over, and that is recorded.
        for (const auto& name : record->promotable.names) {
            if (is_listed(*record, name)) it.promotable.push_back(name);
        }
        it.synchronous = record->synchronous;
    }
    for (const auto& [name, instance] : instances_) {
        SeenInstance seen;
        seen.name = name;
        const auto member = std::ranges::find(policy_.members, name, [](const Member& m) { return m.peer.name; });
        if (member != policy_.members.end()) seen.url = member->peer.url;
        seen.answers = instance.heard.status.has_value();
        seen.trouble = instance.trouble.empty() ? instance.refusal : instance.trouble;
        seen.status = instance.last;
        if (instance.last) seen.heard_at = instance.last_at;
        const auto& managed = instance.last ? instance.last->managed : std::nullopt;
        if (name == it.primary && managed && managed->accepted == it.term)
            it.serving = managed->serving && seen.answers;
        it.instances.push_back(std::move(seen));
    }
    it.waits_for = hint_.empty() ? waits_for_ : waits_for_ + " (" + hint_ + ")";
    const bool awaited = it.leads && !knowledge()->record;
    if (awaited && !it.record_trouble.empty()) it.waits_for = "the record cannot be used: " + it.record_trouble;
    if (it.leads && !record && it.waits_for.empty()) it.waits_for = "not every member has answered yet";
    const bool known_primary = it.primary.empty() || it.primary == source_name || instances_.contains(it.primary);
    if (!known_primary) it.waits_for = "the recorded primary " + it.primary + " is not in the configuration";
    if (const Knowledge* known = knowledge();
        known != nullptr && known->record && !it.primary.empty() && it.source.empty()) {
        auto after = successors(Field{*known, policy_, {}, it.now});
        it.no_candidate = why_old(*known);
        if (it.no_candidate.empty()) it.no_candidate = after.why_not;
        if (it.no_candidate.empty()) it.candidates = std::move(after.names);
    }
    if (knowledge() != nullptr && knowledge()->wanted) it.wanted = knowledge()->wanted->primary;
    it.changes = changes_;
    return it;
}

}  // namespace pgbosun::controller
