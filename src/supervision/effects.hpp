#pragma once
// What the supervisor needs done. The answers come back as events, later, never from within perform().

#include "instance/events.hpp"

namespace pgbosun::supervision {

class Effects {
public:
    virtual ~Effects() = default;
    virtual void perform(const instance::Action& action) = 0;
};

}  // namespace pgbosun::supervision
