#pragma once
// When a call is tried again, and after how long: the one policy of every object store. Pure, but for random_fraction().

#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include "pgbosun/fault.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::object_store {

struct RetryPolicy {
    Duration first_pause = std::chrono::milliseconds(100);  // doubled for each attempt
    Duration longest_pause = std::chrono::seconds(10);
    Duration total = std::chrono::seconds(120);  // no attempt begins when so much of the call's time was in vain
    int attempts = 12;
};

// How much of a call's time was in vain: attempts that failed, from the last byte of an answer that they brought on, and
// the pauses. A download of an hour that is cut off is not an hour in which the store was away.
class VainTime {
public:
    using Moment = std::chrono::steady_clock::time_point;

    explicit VainTime(Moment began) : since_(began) {}
    void got_on(Moment now) { since_ = now; }
    // An attempt failed: all that was in vain by now.
    Duration failed(Moment now) {
        total_ += now - std::exchange(since_, now);
        return total_;
    }

private:
    Moment since_;
    Duration total_{};
};

// How long to wait after attempt number `attempt` (1, 2, ...) failed and `vain` was in vain by then; nullopt: give
// up. `random` is in [0, 1): full jitter, any pause from none to the doubled one is as likely, so that a thousand
// clients that lost a store together do not come back together.
std::optional<Duration> pause_before_retry(const RetryPolicy& policy, int attempt, Duration vain, double random);

// In [0, 1), another one for each call. Any thread.
double random_fraction();

enum class Verdict {
    success,
    absent,            // the store itself says there is no such object, or upload
    exists,            // the condition If-None-Match: * did not hold
    unsupported,       // the store does not know what was asked
    retry,             // busy or broken for now
    read_credentials,  // expired, or caught between two halves of a rotation: read them anew, once
    take_server_time,  // our clock is off: take the answer's Date, once
    refused,
};

// `code` is what the store's error document says, S3's, Azure's or Google's; empty when there was none.
Verdict judge(int status, std::string_view code);

// For people, what to change; empty when there is nothing to say.
std::string_view hint_for(std::string_view code);

}  // namespace pgbosun::object_store
