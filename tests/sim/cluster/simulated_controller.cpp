#include "simulated_controller.hpp"

#include <algorithm>

#include "controller/old_record.hpp"
#include "simulated_agent.hpp"

namespace pgbosun::sim {
namespace {

constexpr Duration between_ticks = std::chrono::milliseconds(250);
constexpr Duration between_reads = std::chrono::seconds(3);
constexpr Duration operation_timeout = std::chrono::milliseconds(2500);
constexpr Duration wish_lasts = std::chrono::seconds(5);

controller::Policy policy_of(const World& world) {
    controller::Policy policy;
    policy.cluster = "orders";
    const Setting& setting = world.setting();
    for (int node = 0; node < setting.instances; ++node) {
        const int rank = setting.ranked ? node : 0;
        const bool spare = node == setting.spare && node != 0;
        const std::string name = "pg-" + std::to_string(node);
        const bool confirms = node != setting.apart || node == 0;
        policy.members.push_back({Peer{name, {}, "host=" + name}, spare ? -1 : rank, {}, confirms});
    }
    policy.ttl = simulated_ttl;
    policy.restart_window = ms(2500);
    if (setting.synchronous > 0) {
        policy.synchronous =
            controller::SynchronousWish{setting.first ? SyncMethod::first : SyncMethod::any, setting.synchronous,
                                        setting.preferred ? DataDurability::preferred : DataDurability::required};
    }
    if (world.without(Sabotage::clock_margin)) policy.ttl = simulated_ttl * 20 / 21;
    return policy;
}

}  // namespace

SimulatedController::SimulatedController(World& world, int node)
    : world_(world), node_(node), clock_(Random(world.setting().seed, 2000 + static_cast<std::uint64_t>(node))),
      random_(world.setting().seed, 3000 + static_cast<std::uint64_t>(node)), policy_(policy_of(world)) {
    world_.after(ms(random_.between(1, 200)), [this] { tick(0); });
}

void SimulatedController::stop(int change) {
    stopped_ += change;
    if (stopped_ == 0) inbox([] {});
}

void SimulatedController::go_down(int change) {
    down_ += change;
    ++life_;
    ++operation_;
    inbox_.clear();
    operation_at_.reset();
    known_ = {};
    if (down_ == 0) tick(life_);
}

void SimulatedController::set_short_lease(int change) {
    short_lease_ += change;
    configure();
}

void SimulatedController::drop_member(int node, int change) {
    dropped_[node] += change;
    configure();
}

void SimulatedController::configure() {
    go_down(1);
    policy_ = policy_of(world_);
    if (short_lease_ > 0) policy_.ttl /= 3;
    std::erase_if(policy_.members,
                  [&](const controller::Member& it) { return dropped_[world_.agent(it.peer.name)->node()] > 0; });
    go_down(-1);
}

void SimulatedController::want(const std::string& primary, controller::DataLoss data_loss) {
    inbox([this, primary, data_loss] {
        if (leads()) known_.wanted = controller::Wanted{primary, data_loss, clock() + wish_lasts};
    });
}

void SimulatedController::set_paused(bool paused) {
    inbox([this, paused] {
        if (!leads() || !known_.record || known_.in_flight || known_.record->term == 0) return;
        if (known_.record->paused == paused || !controller::why_old(known_).empty()) return;
        controller::Record record = *known_.record;
        record.paused = paused;
        known_.in_flight = record;
        write(std::move(record));
    });
}

void SimulatedController::renew_record() {
    inbox([this] {
        if (!leads() || !known_.record || known_.in_flight || controller::why_old(known_).empty()) return;
        for (const auto& [name, seen] : known_.seen) {
            auto renewal = controller::renew(known_, policy_, name, {}, clock());
            if (!renewal.record) continue;
            known_.in_flight = renewal.record;
            write(std::move(*renewal.record));
            return;
        }
    });
}

void SimulatedController::inbox(Happening happening) {
    if (down_ > 0) return;
    inbox_.push_back(std::move(happening));
    while (stopped_ == 0 && !inbox_.empty()) {
        const Happening next = std::move(inbox_.front());
        inbox_.pop_front();
        next();
    }
}

bool SimulatedController::leads() const { return clock() < known_.leader_until; }

void SimulatedController::tick(std::uint64_t life) {
    if (life != life_ || down_ > 0) return;
    world_.after(between_ticks, [this, life] { tick(life); });
    if (stopped_ > 0) return;
    const Instant now = clock();
    if (now >= known_.leader_until - SimulatedRecord::lock_time * 3 / 4) campaign();
    if (operation_at_ && now - *operation_at_ > operation_timeout) {
        ++operation_;
        operation_at_.reset();
        controller::forget_record(known_);
    }
    if (!leads()) return;
    // A write of a controller that was deposed may arrive late, and nobody says so.
    const bool stale = !read_at_ || now - *read_at_ > between_reads;
    if ((!known_.record || stale) && !operation_at_) read();
    if (!polls_at_ || now >= *polls_at_ || *polls_at_ - now > ms(world_.setting().poll_ms)) poll();
    decide();
}

void SimulatedController::campaign() {
    const Instant asked_at = clock();
    world_.record().lock(node_, [this, asked_at, life = life_](bool won) {
        inbox([this, asked_at, won, life] {
            if (life != life_ || !won) return;
            const bool led = leads();
            const Instant until = asked_at + SimulatedRecord::lock_time * 19 / 20;
            if (led) {
                known_.leader_until = std::max(known_.leader_until, until);
                return;
            }
            if (clock() >= until) return;
            known_ = controller::elected(clock(), until);
            ++operation_;
            operation_at_.reset();
            world_.note(node_, [] { return std::string("elected"); });
            read();
            poll();
        });
    });
}

void SimulatedController::read() {
    read_at_ = operation_at_ = clock();
    world_.record().read(node_, [this, operation = ++operation_](const Revised& found) {
        inbox([this, operation, found] {
            if (operation != operation_) return;
            operation_at_.reset();
            if (known_.record && found.revision == revision_) return;
            revision_ = found.revision;
            controller::learn(known_, found.record, clock());
            decide();
        });
    });
}

void SimulatedController::write(controller::Record record) {
    const bool successor = record.term > known_.record->term;
    if (world_.without(Sabotage::one_list_at_a_time)) record.acknowledged = record.promotable;
    if (world_.without(Sabotage::rule_one_at_a_time)) record.superseded.clear();
    if (world_.without(Sabotage::alone_keeps_rules) && record.synchronous.number == 0) record.superseded.clear();
    if (successor && world_.without(Sabotage::list_shrinks)) {
        record.promotable.names.clear();
        for (const auto& member : policy_.members) {
            if (member.peer.name != record.primary) record.promotable.names.push_back(member.peer.name);
        }
        record.acknowledged = record.promotable;
    }
    if (successor && world_.without(Sabotage::former_kept)) {
        record.former.clear();
        if (!known_.record->primary.empty()) record.former.push_back(known_.record->primary);
    }
    if (world_.without(Sabotage::unlisted_needs_stops)) record.chosen = controller::Chosen::from_list;
    if (world_.without(Sabotage::record_first)) controller::learn(known_, record, clock());
    operation_at_ = clock();
    world_.record().write(node_, record, revision_,
                          [this, record, operation = ++operation_](std::optional<std::uint64_t> revision) {
                              inbox([this, record, operation, revision] {
                                  if (operation != operation_) return;
                                  operation_at_.reset();
                                  if (revision) {
                                      revision_ = *revision;
                                      controller::learn(known_, record, clock());
                                      decide();
                                  } else {
                                      controller::forget_record(known_);
                                      read();
                                  }
                              });
                          });
}

void SimulatedController::poll() {
    const Instant asked_at = clock();
    polls_at_ = asked_at + ms(world_.setting().poll_ms);
    for (const auto& member : policy_.members) {
        const int node = world_.agent(member.peer.name)->node();
        world_.send(node_, node, [this, node, asked_at, life = life_] {
            world_.agent(node).report_to(node_, [this, node, asked_at, life](const controller::Report& report) {
                world_.send(node, node_, [this, report, asked_at, life] {
                    inbox([this, report, asked_at, life] {
                        if (life == life_ && leads()) received(report, asked_at);
                    });
                });
            });
        });
    }
}

void SimulatedController::received(controller::Report report, Instant asked_at) {
    const std::string name = report.instance;
    const bool stopped = report.stopped;
    if (asked_at < known_.leader_since - ms(1)) return;
    controller::observe(known_, policy_, std::move(report), asked_at, clock());
    if (world_.without(Sabotage::former_under_term) && stopped) known_.stopped_at.emplace(name, clock());
    decide();
}

void SimulatedController::decide() {
    if (world_.without(Sabotage::leader_checks)) {
        if (known_.leader_since != Instant{}) known_.leader_until = Instant::max();
    }
    if (!leads() || !known_.record) return;
    auto choice = world_.without(Sabotage::none) ? controller::choose(known_, policy_, clock()) : choose_spoiled();
    if (choice.waits_for != waits_for_) {
        waits_for_ = choice.waits_for;
        world_.note(node_, [&] { return "waits: " + (waits_for_.empty() ? "for nothing" : waits_for_); });
    }
    for (const auto& action : choice.actions) {
        if (const auto* written = std::get_if<controller::Write>(&action)) {
            write(written->record);
        } else {
            assign(std::get<controller::Assign>(action).assignment);
        }
    }
    if (!choice.look_again) return;
    const Instant when = std::max(*choice.look_again, clock() + ms(4));
    if (polls_at_ && *polls_at_ <= when) return;
    polls_at_ = when;
    world_.after(clock_.truth(when) - world_.now(), [this, life = life_] {
        inbox([this, life] {
            if (life != life_ || !leads() || !polls_at_ || clock() < *polls_at_) return;
            poll();
        });
    });
}

controller::Choice SimulatedController::choose_spoiled() {
    const auto kept = known_;
    spoil_before();
    auto choice = controller::choose(known_, policy_, clock());
    known_.record->synchronous = kept.record->synchronous;
    known_.record->superseded = kept.record->superseded;
    known_.record->data_loss = kept.record->data_loss;
    known_.record->handed_by = kept.record->handed_by;
    known_.record->paused = kept.record->paused;
    known_.leader_since = kept.leader_since;
    known_.latest_term = kept.latest_term;
    for (auto& [name, seen] : known_.seen) {
        const auto before = kept.seen.find(name);
        if (before == kept.seen.end()) continue;
        seen.asked_at = before->second.asked_at;
        seen.report.term = before->second.report.term;
        seen.report.primary = before->second.report.primary;
        seen.report.promised_for = before->second.report.promised_for;
    }
    for (auto& action : choice.actions) {
        auto* written = std::get_if<controller::Write>(&action);
        if (written == nullptr || !world_.without(Sabotage::quorum) || written->record.term == kept.record->term)
            continue;
        written->record.synchronous = kept.record->synchronous;
        written->record.superseded = kept.record->superseded;
        known_.in_flight = written->record;
    }
    return choice;
}

// What a controller without a rule would take to be so.
void SimulatedController::spoil_before() {
    controller::Record& record = *known_.record;
    const bool idle = record.term > 0 && !controller::is_serving(known_, policy_, clock());
    if (world_.without(Sabotage::lease_wait)) known_.leased_until.clear();
    if (world_.without(Sabotage::lease_wait) || world_.without(Sabotage::fresh_leader_wait)) {
        known_.leader_since -= std::chrono::hours(1);
    }
    if (world_.without(Sabotage::quorum) && idle) {
        record.synchronous.number = 0;
        record.superseded.clear();
    }
    if (world_.without(Sabotage::handed_over_whole)) record.handed_by.clear();
    if (world_.without(Sabotage::paused)) record.paused = false;
    if (world_.without(Sabotage::lease_recorded)) record.lease_ttl = record.longest_lease = policy_.ttl;
    if (world_.without(Sabotage::longest_lease_kept)) known_.lease_ttl_since -= std::chrono::hours(1);
    if (world_.without(Sabotage::best_candidate) && idle) record.data_loss = controller::DataLoss::accepted;
    if (world_.without(Sabotage::data_after_promise)) known_.unbound_at = Instant{};
    if (world_.without(Sabotage::record_not_older)) {
        known_.latest_term = record.term;
        for (auto& [name, seen] : known_.seen) {
            controller::Report& report = seen.report;
            if (report.term < record.term || (report.term == record.term && report.primary == record.primary)) continue;
            report.promised_for = Duration::zero();
            report.term = record.term;
            report.primary = record.primary;
        }
    }
    if (world_.without(Sabotage::data_after_stop)) {
        for (auto& [name, seen] : known_.seen) seen.asked_at = seen.reached_at = Instant::max();
    }
}

void SimulatedController::assign(const Assignment& assignment) {
    const int node = std::stoi(assignment.instance.substr(3));
    world_.send(node_, node, [this, node, assignment] { world_.agent(node).assigned(assignment); });
}

}  // namespace pgbosun::sim
