#include "supervision/metrics_rhythm.hpp"

namespace pgbosun::supervision {

bool MetricsRhythm::is_due(Duration oldest, Instant now) const {
    if (under_way_) return false;
    return !asked_at_ || (!rests(now) && now - *asked_at_ >= oldest);
}

bool MetricsRhythm::rests(Instant now) const { return asked_at_ && attended_at_ && now - *attended_at_ >= attention; }

void MetricsRhythm::begin(Instant now) {
    if (!asked_at_) attended_at_ = now;
    asked_at_ = now;
    under_way_ = true;
}

}  // namespace pgbosun::supervision
