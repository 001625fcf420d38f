#pragma once
// Notices that the configuration file or a file that it names has changed: mounted ConfigMaps and Secrets are replaced
// behind a link, so it is the content that is compared.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "pgbosun/file_system.hpp"

namespace pgbosun::app {

class SecretWatch {
public:
    static constexpr std::size_t largest_file = 1024 * 1024;

    explicit SecretWatch(FileSystem& files) : files_(files) {}
    // Whether one of them is other than at the last call; false at the first.
    Task<bool> changed(std::vector<std::string> paths);

private:
    FileSystem& files_;
    std::map<std::string, std::size_t> hashes_;  // 0: not readable
    bool looked_ = false;
};

}  // namespace pgbosun::app
