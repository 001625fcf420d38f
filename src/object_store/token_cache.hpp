#pragma once
// A secret that expires and is fetched anew in time. Thread-safe: one thread fetches, the others wait for it.

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>

#include "object_store/store_client.hpp"
#include "pgbosun/fault.hpp"

namespace pgbosun::object_store {

template <class Value>
struct Expiring {
    Value value;
    std::optional<SigningTime> expires;  // absent: it does not, as far as is known
};

// So long before the end it is renewed, and up to so much earlier, so that a thousand clients do not come at
// once.
inline constexpr std::chrono::seconds renewal_margin{300};
inline constexpr std::chrono::seconds renewal_jitter{60};
// What is known is not asked for again sooner than this, whatever a store says of it.
inline constexpr std::chrono::seconds shortest_life{5};
inline constexpr std::chrono::seconds pause_after_failure{30};

template <class Value>
class TokenCache {
public:
    using Fetch = std::function<Result<Expiring<Value>>()>;

    // `random` in [0, 1). When a renewal fails, what is known serves until its end.
    Result<Value> get(const Fetch& fetch, Freshness freshness, SigningTime now, double random) {
        const std::lock_guard lock(mutex_);
        const bool young = known_ && now - fetched_ < shortest_life && now >= fetched_;
        if (known_ && (young || (freshness == Freshness::as_known && now < renew_at_))) return known_->value;
        auto fetched = fetch();
        if (fetched) {
            known_ = *std::move(fetched);
            fetched_ = now;
            renew_at_ = renewal_of(*known_, random);
            return known_->value;
        }
        const bool still_good = known_ && freshness == Freshness::as_known && known_->expires && now < *known_->expires;
        if (!still_good) return std::unexpected(std::move(fetched).error());
        renew_at_ = now + pause_after_failure;
        return known_->value;
    }

private:
    static SigningTime renewal_of(const Expiring<Value>& value, double random) {
        if (!value.expires) return SigningTime::max();
        const auto jitter = std::chrono::duration<double>(renewal_jitter) * random;
        return *value.expires - renewal_margin - std::chrono::floor<std::chrono::seconds>(jitter);
    }

    std::mutex mutex_;
    std::optional<Expiring<Value>> known_;
    SigningTime fetched_;
    SigningTime renew_at_;
};

}  // namespace pgbosun::object_store
