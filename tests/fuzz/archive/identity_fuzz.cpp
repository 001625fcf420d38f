#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "archive/identity.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pgbosun::archive;
    const auto identity = parse_identity(std::string_view(reinterpret_cast<const char*>(data), size));
    if (identity && parse_identity(render(*identity)) != *identity) std::abort();
    return 0;
}
