#include <cstdlib>

#include "controller/record_text.hpp"

using namespace pgbosun::controller;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const auto record = parse_record({reinterpret_cast<const char*>(data), size});
    if (!record) return 0;
    const std::string text = to_text(*record);
    const auto again = parse_record(text);
    if (!again || to_text(*again) != text) std::abort();
    return 0;
}
