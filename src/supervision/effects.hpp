#pragma once
// What the supervisor needs done. The answers come back as events, mostly later; those from within perform() the supervisor keeps
// until it is done with the event that led there.

#include "instance/events.hpp"

namespace pgbosun::supervision {

class Effects {
public:
    virtual ~Effects() = default;
    virtual void perform(const instance::Action& action) = 0;
};

}  // namespace pgbosun::supervision
