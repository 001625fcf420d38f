#pragma once
#include "supervision/surroundings.hpp"

namespace pgbosun::app {

// /proc; reads no disk.
class ProcTable final : public supervision::ProcessTable {
public:
    std::optional<postgres::ProcessFacts> look(int pid) override;
};

}  // namespace pgbosun::app
