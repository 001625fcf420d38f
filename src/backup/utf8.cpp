#include "backup/utf8.hpp"

#include <cassert>

namespace pgbosun::backup {
namespace {

// How many bytes a character with this first byte has; 0: none begins so.
std::size_t length_of(unsigned char first) {
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return 2;
    if (first >= 0xE0 && first <= 0xEF) return 3;
    if (first >= 0xF0 && first <= 0xF4) return 4;
    return 0;
}

bool possible(char32_t code, std::size_t length) {
    if (length == 3) return code >= 0x800 && !(code >= 0xD800 && code <= 0xDFFF);
    if (length == 4) return code >= 0x10000 && code <= 0x10FFFF;
    return true;
}

}  // namespace

std::optional<Utf8Character> first_character(std::string_view text) {
    if (text.empty()) return std::nullopt;
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t length = length_of(first);
    if (length == 0 || text.size() < length) return std::nullopt;
    if (length == 1) return Utf8Character{first, 1};
    char32_t code = first & (0xFFU >> (length + 1));
    for (std::size_t at = 1; at < length; ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if ((byte & 0xC0U) != 0x80) return std::nullopt;
        code = code << 6 | (byte & 0x3FU);
    }
    if (!possible(code, length)) return std::nullopt;
    return Utf8Character{code, length};
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const auto character = first_character(text);
        if (!character) return false;
        text.remove_prefix(character->length);
    }
    return true;
}

void append_utf8(std::string& text, char32_t code) {
    assert(code <= 0x10FFFF && !(code >= 0xD800 && code <= 0xDFFF));
    const auto add = [&text](char32_t byte) { text.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
        add(code);
    } else if (code < 0x800) {
        add(0xC0 | code >> 6);
        add(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        add(0xE0 | code >> 12);
        add(0x80 | (code >> 6 & 0x3F));
        add(0x80 | (code & 0x3F));
    } else {
        add(0xF0 | code >> 18);
        add(0x80 | (code >> 12 & 0x3F));
        add(0x80 | (code >> 6 & 0x3F));
        add(0x80 | (code & 0x3F));
    }
}

}  // namespace pgbosun::backup
