#include "supervision/synchronous_sight.hpp"

#include <algorithm>

namespace pgbosun::supervision {

bool waits_for(const InstanceStatus& said, const std::string& standby) {
    if (!said.managed || !said.managed->serving) return false;
    return std::ranges::any_of(said.standbys, [&](const StandbyStatus& it) {
        return it.name == standby && it.state == "streaming" && (it.sync == "sync" || it.sync == "quorum");
    });
}

void SynchronousSight::note(bool waits, Instant asked_at) {
    since_.reset();
    if (waits) since_ = asked_at;
}

}  // namespace pgbosun::supervision
