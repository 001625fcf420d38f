#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "archive/hook_request.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pgbosun::archive;
    const auto request = parse_hook_request(std::string_view(reinterpret_cast<const char*>(data), size));
    if (!request) return 0;
    const auto& path = std::visit([](const auto& it) -> const std::string& { return it.path; }, *request);
    if (path.empty() || path.front() != '/') std::abort();
    return 0;
}
