#pragma once
// UTF-8 as RFC 3629 has it: what Python and PostgreSQL both accept.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace pgbosun::backup {

struct Utf8Character {
    char32_t code = 0;
    std::size_t length = 0;  // bytes, 1 to 4
};

// The first character of `text`. None: it is empty, or begins with a byte that begins no whole character
// (overlong forms and surrogates included).
std::optional<Utf8Character> first_character(std::string_view text);
bool is_utf8(std::string_view text);
// `code` is no surrogate and at most 0x10FFFF.
void append_utf8(std::string& text, char32_t code);

}  // namespace pgbosun::backup
