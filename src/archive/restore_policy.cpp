#include "archive/restore_policy.hpp"

#include <utility>

#include "pgbosun/hook_protocol.hpp"

namespace pgbosun::archive {
namespace {

constexpr std::chrono::milliseconds short_patience{30'000};
constexpr std::chrono::milliseconds promotion_patience{2'000};

}  // namespace

Purpose purpose_of(std::optional<RecoverySigns> signs) {
    if (!signs) return Purpose::recover;
    if (signs->standby_signal) return Purpose::follow;
    if (signs->recovery_signal) return Purpose::recover;
    return signs->postmaster_pid ? Purpose::other : Purpose::rewind;
}

RestorePolicy policy_of(Purpose purpose) {
    switch (purpose) {
        case Purpose::follow: return {short_patience, hook::failed, Prefetch::allowed, Pieces::unused};
        case Purpose::promote: return {promotion_patience, hook::failed, Prefetch::allowed, Pieces::unused};
        case Purpose::recover: return {std::nullopt, hook::stop_recovery, Prefetch::allowed, Pieces::used};
        // Prefetched files would change the directory that pg_rewind is looking at.
        case Purpose::rewind: return {short_patience, hook::failed, Prefetch::none, Pieces::unused};
        case Purpose::other: return {short_patience, hook::stop_recovery, Prefetch::none, Pieces::unused};
    }
    std::unreachable();
}

}  // namespace pgbosun::archive
