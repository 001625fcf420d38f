#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "host/boot_clock.hpp"
#include "host/boot_timer.hpp"
#include "support/catch.hpp"
#include "support/fake_clock.hpp"
#include "support/run.hpp"

using namespace pgbosun;
using namespace std::chrono_literals;
using host::BootTimer;

TEST_CASE("the boot clock goes on and the wall clock knows this century") {
    host::BootClock clock;

    const Instant before = clock.now();
    const Instant after = clock.now();

    CHECK(after >= before);
    CHECK(clock.wall() > std::chrono::sys_days(std::chrono::year(2020) / 1 / 1));
}

TEST_CASE("a clock set by hand stands still until it is moved") {
    test::FakeClock clock;
    const Instant before = clock.now();
    const WallTime wall = clock.wall();

    clock.advance(3s);
    clock.set_wall(WallTime{});

    CHECK(clock.now() - before == 3s);
    CHECK(clock.wall() < wall);
}

TEST_CASE("a timer fires at its moment and not before") {
    boost::asio::io_context loop;
    BootTimer timer(loop);
    const Instant moment = host::boot_now() + 20ms;

    CHECK(test::run(loop, timer.wait_until(moment)));

    CHECK(host::boot_now() >= moment);
}

TEST_CASE("a moment that has passed fires at once, but never from within arm") {
    boost::asio::io_context loop;
    BootTimer timer(loop);
    for (const Instant moment : {Instant{}, Instant{} - 1s, host::boot_now() - 1h}) {
        bool fired = false;

        timer.arm(moment, [&] { fired = true; });

        CHECK_FALSE(fired);
        test::run_until(loop, [&] { return fired; });
    }
}

TEST_CASE("a wait that is cancelled says so") {
    boost::asio::io_context loop;
    BootTimer timer(loop);
    BootTimer other(loop);
    other.arm(host::boot_now(), [&] { timer.cancel(); });

    CHECK_FALSE(test::run(loop, timer.wait_until(host::boot_now() + 1h)));
}

TEST_CASE("a later arm takes the place of the earlier") {
    boost::asio::io_context loop;
    BootTimer timer(loop);
    int fired = 0;

    timer.arm(host::boot_now(), [&] { fired += 1; });
    timer.arm(host::boot_now(), [&] { fired += 10; });

    test::run_until(loop, [&] { return fired != 0; });
    CHECK(fired == 10);
}

TEST_CASE("a timer may be destroyed while a coroutine waits for it") {
    boost::asio::io_context loop;
    auto timer = std::make_unique<BootTimer>(loop);
    BootTimer other(loop);
    other.arm(host::boot_now(), [&] { timer.reset(); });

    CHECK_FALSE(test::run(loop, timer->wait_until(host::boot_now() + 1h)));
}

TEST_CASE("a timer may be armed again within its callback, or destroyed") {
    boost::asio::io_context loop;
    auto timer = std::make_unique<BootTimer>(loop);
    int fired = 0;

    timer->arm(host::boot_now(), [&] {
        ++fired;
        timer->arm(host::boot_now(), [&] {
            ++fired;
            timer.reset();
        });
    });

    test::run_until(loop, [&] { return timer == nullptr; });
    CHECK(fired == 2);
}

TEST_CASE("a disarmed timer does not fire") {
    boost::asio::io_context loop;
    BootTimer timer(loop), later(loop);
    bool fired = false, reached = false;

    timer.arm(host::boot_now() + 1ms, [&] { fired = true; });
    timer.disarm();
    later.arm(host::boot_now() + 5ms, [&] { reached = true; });

    test::run_until(loop, [&] { return reached; });
    CHECK_FALSE(fired);
}
