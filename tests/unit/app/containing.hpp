#pragma once
// Catch2 calls the same matcher by two names in its versions 2 and 3.
#include <string>

#include "support/catch.hpp"

namespace pgbosun::app::test {

#if __has_include(<catch2/catch_all.hpp>)
inline auto containing(const std::string& text) { return Catch::Matchers::ContainsSubstring(text); }
#else
inline auto containing(const std::string& text) { return Catch::Matchers::Contains(text); }
#endif

}  // namespace pgbosun::app::test
