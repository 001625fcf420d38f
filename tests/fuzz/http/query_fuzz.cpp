#include <cstdlib>

#include "http/query.hpp"

using namespace pgbosun::http;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const Target target = split_target(text);
    const auto query = Query::parse(target.query);
    if (query) {
        for (const char* name : {"lag", "wait", "since"}) {
            const auto value = query->value(name);
            if (!value) continue;
            if (value->find('\0') != std::string_view::npos) std::abort();
            (void)parse_size(*value);
            const auto duration = parse_duration(*value);
            if (duration && duration->count() < 0) std::abort();
        }
    }
    return 0;
}
