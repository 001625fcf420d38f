#include "supervision/upstream_choice.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;
using namespace std::chrono_literals;

namespace {

struct Standby {
    UpstreamChoice choice;
    Instant now{1h};

    // How often the choice changed, looked at four times a second.
    int look(bool streams, Duration during) {
        int changes = 0;
        for (const Instant end = now + during; now < end; now += 250ms)
            changes += choice.look(streams, 9s, now) ? 1 : 0;
        return changes;
    }
};

}  // namespace

TEST_CASE(
    "a standby whose upstream is silent goes to the primary, and no sooner than a controller would have named "
    "another") {
    Standby it;
    CHECK(it.look(true, 1min) == 0);
    CHECK(it.look(false, 9s) == 0);
    CHECK_FALSE(it.choice.past_it());
    CHECK(it.look(false, 1s) == 1);
    CHECK(it.choice.past_it());
    CHECK(it.look(true, 1h) == 0);
    CHECK(it.choice.past_it());
}

TEST_CASE("when the stream from the primary ends the upstream that was named is tried first") {
    Standby it;
    it.look(false, 10s);
    it.look(true, 1min);
    CHECK(it.look(false, 250ms) == 1);
    CHECK_FALSE(it.choice.past_it());
}

TEST_CASE("where neither gives anything both are tried in turns") {
    Standby it;
    CHECK(it.look(false, 10s) == 1);
    CHECK(it.choice.past_it());
    CHECK(it.look(false, 10s) == 1);
    CHECK_FALSE(it.choice.past_it());
}

TEST_CASE("a controller that speaks is obeyed") {
    Standby it;
    it.look(false, 10s);
    it.choice.named();
    CHECK_FALSE(it.choice.past_it());
    CHECK(it.look(true, 1s) == 0);
}

TEST_CASE("a standby that has just been started has waited for nobody yet") {
    Standby it;
    it.look(false, 5s);
    it.now += 1min;
    CHECK(it.look(false, 9s) == 0);
}
