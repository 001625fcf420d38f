#include "supervision/supervisor.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/fake_clock.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;

namespace {

// Keeps the order of what is done and told.
struct Order final : Effects, Witness {
    void perform(const instance::Action& action) override { all.emplace_back(name_of(action)); }
    void saw(const instance::InstanceState&, const instance::Event&, const instance::Decision&) override {
        all.emplace_back("told");
    }
    std::vector<std::string> all;
};

}  // namespace

TEST_CASE("postgres is stopped before anybody is told why, and all else is done after that") {
    Order order;
    test::FakeClock clock;
    Supervisor supervisor({}, clock, order, order);
    for (const instance::Event& event :
         {instance::Event(instance::Begin{}), instance::Event(instance::VolumeJudged{instance::VolumeVerdict::usable}),
          instance::Event(instance::StraysGone{}), instance::Event(instance::RoomFound{true}),
          instance::Event(instance::Accepting{Role::standby})})
        supervisor.handle(event);
    order.all.clear();

    supervisor.ask(instance::Asked{Verb::fence});

    CHECK(order.all == std::vector<std::string>{"stop postgres, fast", "told", "store the fence"});
}
