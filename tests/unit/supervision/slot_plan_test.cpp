#include "supervision/slot_plan.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;
using namespace std::chrono_literals;
using postgres::ReplicationSlot;

namespace {

ReplicationSlot slot(std::string name, std::uint64_t restart) {
    return {std::move(name), true, false, Lsn{restart}, false};
}
ReplicationSlot in_use(ReplicationSlot it) {
    it.active = true;
    return it;
}
ReplicationSlot lost(ReplicationSlot it) {
    it.lost = true;
    return it;
}
ReplicationSlot logical(ReplicationSlot it) {
    it.physical = false;
    return it;
}

SlotStep make(std::string name) { return {SlotStep::Kind::make, std::move(name), {}, {}}; }
SlotStep advance(std::string name, std::uint64_t to) { return {SlotStep::Kind::advance, std::move(name), Lsn{to}, {}}; }
SlotStep drop(std::string name) { return {SlotStep::Kind::drop, std::move(name), {}, "the primary has it no more"}; }

struct Case {
    const char* what;
    std::vector<ReplicationSlot> theirs, ours;
    std::vector<std::string> mirrored;
    SlotPlan plan;
};

}  // namespace

TEST_CASE("a standby has the physical slots of its primary, and where they are") {
    ReplicationSlotSettings settings;
    settings.exclude_patterns = {"^mine"};
    const std::vector<Case> cases = {
        {"a new one is made and moved to where it is there",
         {slot("a", 500)},
         {},
         {},
         {{make("a"), advance("a", 500)}, {"a"}}},
        {"one that is behind is moved on", {slot("a", 500)}, {slot("a", 400)}, {"a"}, {{advance("a", 500)}, {"a"}}},
        {"one that is ahead stays: nothing goes back", {slot("a", 500)}, {slot("a", 600)}, {"a"}, {{}, {"a"}}},
        {"one that was here before is somebody's own", {slot("a", 500)}, {slot("a", 400)}, {}, {}},
        {"one that is lost here is made anew",
         {slot("a", 500)},
         {lost(slot("a", 400))},
         {"a"},
         {{make("a"), advance("a", 500)}, {"a"}}},
        {"one that is lost there is not wanted", {lost(slot("a", 500))}, {}, {}, {}},
        {"one by which somebody streams here is moved by him",
         {slot("a", 500)},
         {in_use(slot("a", 400))},
         {"a"},
         {{}, {"a"}}},
        {"what the primary no longer has goes", {}, {slot("a", 400)}, {"a"}, {{drop("a")}, {"a"}}},
        {"and is remembered until it is gone", {}, {}, {"a"}, {}},
        {"but not while somebody streams by it", {}, {in_use(slot("a", 400))}, {"a"}, {{}, {"a"}}},
        {"what somebody made here is left alone", {}, {slot("a", 400)}, {}, {}},
        {"a logical one is PostgreSQL's own matter", {logical(slot("a", 500))}, {}, {}, {}},
        {"of another kind here, it is somebody's own", {slot("a", 500)}, {logical(slot("a", 400))}, {}, {}},
        {"an excluded one is not touched", {slot("mine", 500)}, {}, {}, {}},
        {"nor when it was mirrored before", {}, {slot("mine", 400)}, {"mine"}, {}},
        {"the slot by which this one streams is not for it", {slot("_pgbosun_pg_2", 500)}, {}, {}, {}},
        {"those of other members are",
         {slot("_pgbosun_pg_3", 500)},
         {},
         {},
         {{make("_pgbosun_pg_3"), advance("_pgbosun_pg_3", 500)}, {"_pgbosun_pg_3"}}},
        {"one that keeps nothing is not", {{"a", true, false, std::nullopt, false}}, {}, {}, {}},
    };
    for (const auto& it : cases) {
        INFO(it.what);
        CHECK(mirror_slots(settings, "pg-2", it.ours, it.theirs, it.mirrored) == it.plan);
    }
}

TEST_CASE("members' slots and all others are mirrored or not apart from one another") {
    const std::vector<ReplicationSlot> theirs{slot("_pgbosun_pg_3", 500), slot("a", 500)};
    ReplicationSlotSettings settings;
    settings.high_availability = false;
    CHECK(mirror_slots(settings, "pg-2", {}, theirs, {}).mirrored == std::vector<std::string>{"a"});
    settings.high_availability = true;
    settings.synchronize_replicas = false;
    CHECK(mirror_slots(settings, "pg-2", {}, theirs, {}).mirrored == std::vector<std::string>{"_pgbosun_pg_3"});
    // What was mirrored and is not wanted any more holds nothing back either.
    CHECK(mirror_slots(settings, "pg-2", {slot("a", 400)}, theirs, {"a"}).steps.back() == drop("a"));
}

TEST_CASE("a member that stays away loses its slot, and nobody else does") {
    ReplicationSlotSettings settings;
    settings.member_slots_ttl = 30min;
    struct Judged {
        const char* what;
        ReplicationSlot slot;
        MemberSlots facts;
        Duration idle;
        const char* why;
    };
    const MemberSlots known{{"pg-1", "pg-2"}, false, {}};
    const MemberSlots short_of_room{{"pg-1", "pg-2"}, true, {}};
    const std::vector<Judged> cases = {
        {"away for a moment", slot("_pgbosun_pg_2", 1), known, 29min, ""},
        {"away for long", slot("_pgbosun_pg_2", 1), known, 30min,
         "the member has been away for longer than member_slots_ttl"},
        {"here", in_use(slot("_pgbosun_pg_2", 1)), known, 30min, ""},
        {"a restart, on a full volume", slot("_pgbosun_pg_2", 1), short_of_room, 59s, ""},
        {"longer, on a full volume", slot("_pgbosun_pg_2", 1), short_of_room, 1min,
         "the member is away, and the volume of WAL is nearly full"},
        {"not named yet", slot("_pgbosun_pg_9", 1), known, 59s, ""},
        {"not named any more", slot("_pgbosun_pg_9", 1), known, 1min, "no member is called so"},
        {"nobody's names are known", slot("_pgbosun_pg_9", 1), {}, 1min, ""},
        {"its own", slot("_pgbosun_pg_1", 1), known, 0s, "it is of this instance, which streams from nobody here"},
        {"a user's", slot("a", 1), short_of_room, 100h, ""},
        {"a logical one", logical(slot("_pgbosun_pg_2", 1)), known, 100h, ""},
        {"mirrored: it goes when the primary's does",
         slot("_pgbosun_pg_2", 1),
         {{"pg-1", "pg-2"}, true, {"_pgbosun_pg_2"}},
         100h,
         ""},
    };
    for (const auto& it : cases) {
        INFO(it.what);
        std::map<std::string, Instant> idle_since;
        const Instant begin{1h};
        const auto at_once = drop_member_slots(settings, "pg-1", it.facts, {it.slot}, idle_since, begin);
        const auto steps = drop_member_slots(settings, "pg-1", it.facts, {it.slot}, idle_since, begin + it.idle);
        if (*it.why == '\0') {
            CHECK(at_once.empty());
            CHECK(steps.empty());
        } else {
            CHECK(steps == std::vector<SlotStep>{{SlotStep::Kind::drop, it.slot.name, {}, it.why}});
        }
    }
}

TEST_CASE("who came back in between has not been away") {
    ReplicationSlotSettings settings;
    const auto away = slot("_pgbosun_pg_2", 1);
    std::map<std::string, Instant> idle_since;
    const Instant begin{1h};
    CHECK(drop_member_slots(settings, "pg-1", {}, {away}, idle_since, begin).empty());
    CHECK(drop_member_slots(settings, "pg-1", {}, {in_use(away)}, idle_since, begin + 20min).empty());
    CHECK(drop_member_slots(settings, "pg-1", {}, {away}, idle_since, begin + 31min).empty());
    CHECK(drop_member_slots(settings, "pg-1", {}, {away}, idle_since, begin + 61min).size() == 1);
}

TEST_CASE("logical consumers wait for the standbys that stream by a slot, and for nobody else") {
    ReplicationSlotSettings settings;
    const std::vector<ReplicationSlot> slots{in_use(slot("_pgbosun_pg_2", 1)), in_use(lost(slot("_pgbosun_pg_4", 1))),
                                             in_use(slot("_pgbosun_pg_3", 1)), slot("a", 1)};
    const std::vector<std::string> standbys{"pg-3", "pg-2", "pg-4", "pg-5"};
    CHECK(confirming_slots(settings, standbys, slots).empty());
    settings.synchronize_logical_decoding = true;
    CHECK(confirming_slots(settings, standbys, slots) == "_pgbosun_pg_2,_pgbosun_pg_3");
    auto idle = slots;
    idle[0].active = false;
    CHECK(confirming_slots(settings, standbys, idle) == "_pgbosun_pg_3");
    CHECK(confirming_slots(settings, {}, slots).empty());
    settings.high_availability = false;
    CHECK(confirming_slots(settings, standbys, slots).empty());
}
