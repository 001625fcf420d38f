#pragma once
#include "app/environment_view.hpp"
#include "app/outside.hpp"

namespace pgbosun::app {

class PosixOutside final : public Outside {
public:
    Result<std::string> read(const std::string& path, std::size_t limit) const override;
    std::optional<PathFacts> inspect(const std::string& path) const override;
    bool may(Permission permission, const std::string& path) const override;
    std::vector<std::string> list(const std::string& directory) const override;
};

// Of this process, as it is now.
EnvironmentView process_environment();

}  // namespace pgbosun::app
