#include "instance/right.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::instance;
using namespace std::chrono_literals;

namespace {

constexpr Instant now{1000s};
constexpr Duration ttl = 3s;

// Up for long, standby, has seen term 5 with primary "a".
Right standby() {
    AgentRecord record;
    record.cluster = "orders";
    record.instance = "me";
    record.term = 5;
    record.primary = "a";
    record.data_term = 5;
    record.first_term = 2;
    return recalled(record, "boot", ttl, now - 1h);
}

Local local() { return {Data::standby, Timeline{1}, Lsn{100}}; }

Assignment assignment(Term term, std::string primary = "me", Instant echo = now - 1s) {
    Assignment it;
    it.cluster = "orders";
    it.instance = "me";
    it.term = term;
    it.primary = std::move(primary);
    it.promotable = {7, {"b", "c"}};
    std::erase(it.promotable.names, it.primary);
    it.lease = Lease{{"boot", echo}, ttl};
    it.at_least = {5, Timeline{1}, Lsn{100}};
    for (const char* name : {"me", "a", "b", "c"}) it.peers.push_back({name, {}, {}});
    return it;
}

Right primary(Term term = 6) {
    const auto reception = receive(standby(), assignment(term), local(), now);
    REQUIRE_FALSE(reception.refusal);
    return reception.right;
}

PromiseAnswer promise(std::string from, Instant asked, Term term = 6) {
    return {std::move(from), term, true, Lease{{"boot", asked}, ttl}};
}

PromiseRequest request(Term term, std::string from = "a", Duration length = ttl) {
    return {"orders", std::move(from), term, Lease{{"its boot", now - 77s}, length}};
}

}  // namespace

TEST_CASE("a promotion is accepted, and the lease it carries counts from the reading that it hands back") {
    const Right right = primary();

    CHECK(is_primary(right));
    CHECK(valid_until(right) == now - 1s + ttl);
    CHECK(may_write(right, now + 2s - 1ns));
    CHECK_FALSE(may_write(right, now + 2s));
    CHECK(right.record.promotable.version == 7);
}

TEST_CASE("a promotion is refused for each reason of its own, and the higher term is kept all the same") {
    struct Row {
        const char* name;
        void (*change)(Right&, Assignment&, Local&);
        std::optional<Refusal> refusal;
        std::optional<Instant> again_at;
        Term term_after;
    };
    const auto margin = with_margin(ttl);
    const Row rows[] = {
        {"all is well", [](Right&, Assignment&, Local&) {}, {}, {}, 6},
        {"foreign cluster",
         [](Right&, Assignment& it, Local&) { it.cluster = "order"; },
         Refusal::other_cluster,
         {},
         5},
        {"foreign name", [](Right&, Assignment& it, Local&) { it.instance = "me2"; }, Refusal::other_instance, {}, 5},
        {"no term",
         [](Right& right, Assignment& it, Local&) { right.record.term = it.term = 0; },
         Refusal::malformed,
         {},
         0},
        {"nobody is primary", [](Right&, Assignment& it, Local&) { it.primary.clear(); }, Refusal::malformed, {}, 5},
        {"primary on its own list",
         [](Right&, Assignment& it, Local&) { it.promotable.names = {"me"}; },
         Refusal::malformed,
         {},
         5},
        {"no time at all", [](Right&, Assignment& it, Local&) { it.lease->ttl = 0s; }, Refusal::malformed, {}, 5},
        {"no members", [](Right&, Assignment& it, Local&) { it.peers.clear(); }, Refusal::malformed, {}, 5},
        {"members without the primary",
         [](Right&, Assignment& it, Local&) {
             std::erase_if(it.peers, [](const Peer& peer) { return peer.name == "me"; });
         },
         Refusal::malformed,
         {},
         5},
        {"older term", [](Right&, Assignment& it, Local&) { it.term = 4; }, Refusal::old_term, {}, 5},
        {"same term, other primary",
         [](Right&, Assignment& it, Local&) { it.term = 5; },
         Refusal::other_primary,
         {},
         5},
        {"same term, primary not known",
         [](Right& right, Assignment& it, Local&) {
             it.term = 5;
             right.record.primary.clear();
         },
         {},
         {},
         5},
        {"no lease", [](Right&, Assignment& it, Local&) { it.lease.reset(); }, Refusal::no_lease, {}, 6},
        {"lease just over",
         [](Right&, Assignment& it, Local&) { it.lease->echo.at = now - ttl; },
         Refusal::late,
         {},
         6},
        {"lease all but over", [](Right&, Assignment& it, Local&) { it.lease->echo.at = now - ttl + 1ns; }, {}, {}, 6},
        {"lease of the last life",
         [](Right&, Assignment& it, Local&) { it.lease->echo.boot_id = "toob"; },
         Refusal::late,
         {},
         6},
        {"echo of the future",
         [](Right&, Assignment& it, Local&) { it.lease->echo.at = now + 1ns; },
         Refusal::late,
         {},
         6},
        {"promised", [](Right& right, Assignment&, Local&) { right.promised_until = now + 1ns; }, Refusal::promised,
         now + 1ns, 6},
        {"promise just over", [](Right& right, Assignment&, Local&) { right.promised_until = now; }, {}, {}, 6},
        {"promised, but the former have stopped",
         [](Right& right, Assignment& it, Local&) {
             right.promised_until = now + 1h;
             it.former = FormerPrimary::stopped;
         },
         {},
         {},
         6},
        {"just started", [](Right& right, Assignment&, Local&) { right.up_since = now - with_margin(ttl) + 1ns; },
         Refusal::just_started, now + 1ns, 6},
        {"started long enough ago",
         [](Right& right, Assignment&, Local&) { right.up_since = now - with_margin(ttl); },
         {},
         {},
         6},
        {"started long enough ago for its own ttl, not for what it promised once",
         [](Right& right, Assignment&, Local&) {
             right.up_since = now - with_margin(ttl);
             right.record.longest_promise = 2 * ttl;
         },
         Refusal::just_started, now + margin, 6},
        {"just started, but the former have stopped",
         [](Right& right, Assignment& it, Local&) {
             right.up_since = now;
             it.former = FormerPrimary::stopped;
         },
         {},
         {},
         6},
        {"fenced", [](Right&, Assignment&, Local& it) { it.fenced = true; }, Refusal::fenced, {}, 6},
        {"fenced, and the former have stopped",
         [](Right&, Assignment& it, Local& here) {
             here.fenced = true;
             it.former = FormerPrimary::stopped;
         },
         Refusal::fenced,
         {},
         6},
        {"ending", [](Right&, Assignment&, Local& it) { it.ending = true; }, Refusal::ending, {}, 6},
        {"one byte behind", [](Right&, Assignment&, Local& it) { it.lsn = Lsn{99}; }, Refusal::data_behind, {}, 6},
        {"an older timeline, far ahead",
         [](Right&, Assignment& it, Local& here) {
             it.at_least = {5, Timeline{2}, Lsn{1}};
             here.lsn = Lsn{1000};
         },
         Refusal::data_behind,
         {},
         6},
        {"no data", [](Right&, Assignment&, Local& it) { it = {}; }, Refusal::no_data, {}, 6},
        {"no data, and none is expected: a new cluster",
         [](Right&, Assignment& it, Local& here) {
             here = {};
             it.at_least = {};
         },
         {},
         {},
         6},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        Right right = standby();
        Assignment promotion = assignment(6);
        Local here = local();
        row.change(right, promotion, here);

        const auto reception = receive(right, promotion, here, now);

        CHECK(reception.refusal == row.refusal);
        CHECK(reception.again_at == row.again_at);
        CHECK(reception.right.record.term == row.term_after);
        CHECK(is_primary(reception.right) == !row.refusal.has_value());
        if (row.refusal) {
            CHECK_FALSE(may_write(reception.right, now));
            CHECK_FALSE(reason(*row.refusal).empty());
            CHECK_FALSE(hint(*row.refusal).empty());
        }
    }
}

TEST_CASE("who holds no data becomes no primary of a cluster that follows another one, or did until this term") {
    Right follower = standby();
    follower.record.primary = source_name;
    follower.record.peers = {{std::string(source_name), {}, "host=far"}};
    Assignment promotion = assignment(6);
    promotion.at_least = {};
    const Local empty{Data::none, {}, {}};

    auto announced = promotion;
    announced.lease.reset();
    const auto first = receive(follower, announced, empty, now);
    CHECK(first.refusal == Refusal::no_data);
    CHECK(receive(first.right, promotion, empty, now).refusal == Refusal::no_data);
    CHECK_FALSE(receive(first.right, promotion, local(), now).refusal);
    // A new cluster begins so.
    CHECK_FALSE(receive(standby(), promotion, empty, now).refusal);
}

TEST_CASE("what was refused for now is accepted under the same term when its time has come") {
    Right right = standby();
    right.promised_until = now + 1s;
    const auto refused = receive(right, assignment(6), local(), now);
    REQUIRE(refused.refusal == Refusal::promised);

    const auto accepted = receive(refused.right, assignment(6, "me", now), local(), *refused.again_at);

    CHECK_FALSE(accepted.refusal);
    CHECK(is_primary(accepted.right));
}

TEST_CASE("a promotion that comes twice, or again after a restart, is no new right") {
    const Right right = primary();
    CHECK(valid_until(receive(right, assignment(6), local(), now + 1s).right) == valid_until(right));

    const Right restarted = recalled(right.record, "next boot", ttl, now + 1s);
    const auto reception = receive(restarted, assignment(6), local(), now + 1s);
    CHECK(is_primary(reception.right));
    CHECK_FALSE(may_write(reception.right, now + 1s));
}

TEST_CASE("a grant extends the right, a late or foreign one changes nothing, none shortens it") {
    const Right right = primary();
    struct Row {
        Lease lease;
        Instant until;
    };
    const Row rows[] = {
        {{{"boot", now}, ttl}, now + ttl},
        {{{"boot", now - 2s}, ttl}, now + 2s},
        {{{"boot", now - 1h}, ttl}, now + 2s},
        {{{"toob", now}, ttl}, now + 2s},
        {{{"boot", now + 1s}, ttl}, now + 2s},
        {{{"boot", now}, 1h}, now + ttl},  // a controller may not grant more than this agent agreed to
        {{{"boot", now}, 1s}, now + 2s},
    };
    for (const Row& row : rows) {
        auto grant = assignment(6);
        grant.lease = row.lease;
        CHECK(valid_until(receive(right, grant, local(), now).right) == row.until);
    }
}

TEST_CASE("promises of all promotable members are a right to write, of all but one they are none") {
    Right right = primary();
    const Instant later = now + 1h;
    REQUIRE_FALSE(may_write(right, later));

    right = take_promise(right, promise("b", later - 1s), later);
    CHECK_FALSE(may_write(right, later));
    right = take_promise(right, promise("c", later - 2s), later);
    CHECK(valid_until(right) == later - 2s + ttl);
}

TEST_CASE("only a promise that was asked for in this life and term, and was given, counts") {
    struct Row {
        const char* name;
        void (*change)(PromiseAnswer&);
        bool counts;
    };
    const Row rows[] = {
        {"as it should be", [](PromiseAnswer&) {}, true},
        {"refused", [](PromiseAnswer& it) { it.promised = false; }, false},
        {"of a higher term", [](PromiseAnswer& it) { it.term = 7; }, false},
        {"of an older term", [](PromiseAnswer& it) { it.term = 5; }, false},
        {"asked in the last life", [](PromiseAnswer& it) { it.lease.echo.boot_id = "toob"; }, false},
        {"under way for too long", [](PromiseAnswer& it) { it.lease.echo.at = now + 1h - ttl; }, false},
        {"from somebody who is not promotable", [](PromiseAnswer& it) { it.from = "d"; }, false},
        {"for longer than was asked", [](PromiseAnswer& it) { it.lease.ttl = 1h; }, true},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        auto one = promise("c", now + 1h - 1s);
        row.change(one);
        Right right = take_promise(primary(), promise("b", now + 1h), now + 1h);
        right = take_promise(right, one, now + 1h);
        CHECK(may_write(right, now + 1h) == row.counts);
        CHECK_FALSE(may_write(right, now + 1h + ttl));
    }
}

TEST_CASE("a primary that nobody could replace needs nobody's leave") {
    auto promotion = assignment(6);
    promotion.promotable.names.clear();
    const Right right = receive(standby(), promotion, local(), now).right;

    CHECK(valid_until(right) == Instant::max());
    CHECK(may_write(recalled(right.record, "next boot", ttl, now), now));
}

TEST_CASE("a list is taken over in its order, and only when the right to write outlives that") {
    const Right right = primary();
    auto next = assignment(6);
    next.promotable = {8, {"b", "d"}};

    CHECK(receive(right, next, local(), now).right.record.promotable.version == 8);

    SECTION("an older list that comes late is not") {
        next.promotable.version = 6;
        CHECK(receive(right, next, local(), now).right.record.promotable == right.record.promotable);
    }
    SECTION("not while only the promises of the old list hold") {
        const Instant later = now + 1h;
        Right promised = take_promise(right, promise("b", later), later);
        promised = take_promise(promised, promise("c", later), later);
        const auto kept = receive(promised, next, local(), later).right;
        CHECK(kept.record.promotable.version == 7);
        CHECK(may_write(kept, later));
    }
    SECTION("but when it may not write anyway") {
        CHECK(receive(right, next, local(), now + 1h).right.record.promotable.version == 8);
    }
}

TEST_CASE("a higher term ends the right; until the old one's end the demotion may take") {
    const Right right = primary();

    const auto reception = receive(right, assignment(7, "b"), local(), now);

    REQUIRE_FALSE(reception.refusal);
    CHECK_FALSE(is_primary(reception.right));
    CHECK_FALSE(may_write(reception.right, now));
    CHECK(stop_by(reception.right) == valid_until(right));
    CHECK(stop_by(receive(reception.right, assignment(8, "c"), local(), now).right) == valid_until(right));
}

TEST_CASE("a promise is counted from its receipt, longer than the asker counts it, and lasts over a new asker") {
    const auto given = give_promise(standby(), request(5), now);
    REQUIRE(given.answer.promised);
    CHECK(given.answer.lease == Lease{{"its boot", now - 77s}, ttl});
    CHECK(given.right.promised_until == now + with_margin(ttl));

    const auto next = give_promise(given.right, request(6, "b", 1s), now);
    CHECK(next.answer.promised);
    CHECK(next.right.promised_until == now + with_margin(ttl));
    CHECK(next.right.record.term == 6);
}

TEST_CASE("a promise is given for the highest term seen only, and never beside the instance's own right") {
    struct Row {
        const char* name;
        PromiseRequest request;
        std::optional<Refusal> refusal;
    };
    auto foreign = request(5);
    foreign.cluster = "order";
    const Row rows[] = {
        {"the term it has seen", request(5), {}},
        {"a higher one", request(9, "c"), {}},
        {"an older one", request(4), Refusal::old_term},
        {"another primary of the same term", request(5, "b"), Refusal::other_primary},
        {"itself", request(9, "me"), Refusal::malformed},
        {"nobody", request(9, ""), Refusal::malformed},
        {"no term", request(0), Refusal::malformed},
        {"no time", request(5, "a", 0s), Refusal::malformed},
        {"a foreign cluster", foreign, Refusal::other_cluster},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        const auto given = give_promise(standby(), row.request, now);
        CHECK(given.refusal == row.refusal);
        CHECK(given.answer.promised == !row.refusal.has_value());
        if (row.refusal) CHECK(given.right.record == standby().record);
    }

    const Right writer = primary();
    CHECK(give_promise(writer, request(6, "b"), now).refusal == Refusal::is_primary);
    const auto deposed = give_promise(writer, request(7, "b"), now);
    CHECK(deposed.answer.promised);
    CHECK_FALSE(may_write(deposed.right, now));
}

TEST_CASE("who has a new volume promises nothing before a controller has named a term") {
    Right fresh = standby();
    fresh.record.term = fresh.record.data_term = fresh.record.first_term = 0;
    fresh.record.primary.clear();
    const auto refused = give_promise(fresh, request(4), now);
    CHECK(refused.refusal == Refusal::new_volume);
    CHECK_FALSE(refused.answer.promised);
    CHECK(refused.right.record == fresh.record);

    const auto told = receive(fresh, assignment(5, "a"), local(), now).right;
    CHECK(give_promise(told, request(4), now).refusal == Refusal::old_term);
    CHECK(give_promise(told, request(5), now).answer.promised);
}

TEST_CASE("a volume remembers from which term on it has held the cluster's data") {
    Right fresh = standby();
    fresh.record.term = fresh.record.data_term = fresh.record.first_term = 0;
    // It may be told an old term, by an assignment that comes late.
    const auto told = receive(fresh, assignment(4, "a"), local(), now).right;
    CHECK(told.record.first_term == 0);

    const auto streaming = streams(receive(told, assignment(5, "a"), local(), now).right);
    CHECK(streaming.record.first_term == 5);
    const auto later = streams(receive(streaming, assignment(6, "b"), local(), now).right);
    CHECK(later.record.first_term == 5);
    CHECK(loses_data(later).record.first_term == 5);

    auto first = assignment(1);
    first.at_least = {};
    CHECK(receive(fresh, first, local(), now).right.record.first_term == 1);
}

TEST_CASE("no promise is longer than this agent's own ttl, and its length is remembered") {
    const auto given = give_promise(standby(), request(5, "a", 1h), now);
    CHECK(given.answer.lease.ttl == ttl);
    CHECK(given.right.record.longest_promise == ttl);
}

TEST_CASE("data is judged by the term of the primary that it came from, before timeline and position") {
    const Right right = standby();
    CHECK(reach(right, Timeline{9}, Lsn{9}) < Reach{6, Timeline{2}, Lsn{1}});
    CHECK(reach(primary(), Timeline{1}, Lsn{100}).term == 6);

    const Right told = receive(right, assignment(7, "b"), local(), now).right;
    CHECK(reach(told, Timeline{1}, Lsn{100}).term == 5);
    CHECK(reach(streams(told), Timeline{2}, Lsn{100}).term == 7);
    CHECK(reach(loses_data(told), Timeline{2}, Lsn{100}).term == 0);
    auto promotion = assignment(8);
    promotion.at_least = {7, Timeline{1}, Lsn{1}};
    CHECK(receive(told, promotion, local(), now).refusal == Refusal::data_behind);
}

TEST_CASE("only a primary asks for promises") {
    CHECK_FALSE(ask_promise(standby(), now));
    const auto asked = ask_promise(primary(), now);
    REQUIRE(asked);
    CHECK(asked->term == 6);
    CHECK(asked->lease.echo == Echo{"boot", now});
}
