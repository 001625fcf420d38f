#pragma once

#include <fstream>
#include <sstream>
#include <string>

namespace pgbosun::test {

// All of it; nothing when it cannot be read. In blocks: byte by byte a segment takes a second in a build that is not
// optimised and has sanitizers.
inline std::string read_file(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return std::move(text).str();
}

}  // namespace pgbosun::test
