#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "archive/link_wire.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pgbosun::archive;
    const std::string_view line(reinterpret_cast<const char*>(data), size);
    if (const auto order = parse_order(line)) {
        const auto text = render(*order);
        if (text.size() > longest_line || !parse_order(text.substr(0, text.size() - 1))) std::abort();
    }
    if (const auto report = parse_report(line)) {
        const auto text = render(*report);
        if (text.size() > longest_line || !parse_report(text.substr(0, text.size() - 1))) std::abort();
    }
    if (const auto said = parse_job_line(line)) {
        const auto text = render(*said);
        if (text.size() > longest_line || !parse_job_line(text.substr(0, text.size() - 1))) std::abort();
    }
    return 0;
}
