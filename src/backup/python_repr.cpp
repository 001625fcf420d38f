#include <algorithm>
#include <array>
#include <cstdio>

#include "backup/python_literal.hpp"
#include "backup/utf8.hpp"

namespace pgbosun::backup {
namespace {

struct Range {
    char32_t first, last;
};

// Unicode's categories Cc, Cf, Co, Zl, Zp and Zs above ASCII, and the noncharacters: str.isprintable() is
// false.
constexpr std::array not_printable{
    Range{0x7F, 0xA0},       Range{0xAD, 0xAD},       Range{0x600, 0x605},     Range{0x61C, 0x61C},
    Range{0x6DD, 0x6DD},     Range{0x70F, 0x70F},     Range{0x890, 0x891},     Range{0x8E2, 0x8E2},
    Range{0x1680, 0x1680},   Range{0x180E, 0x180E},   Range{0x2000, 0x200F},   Range{0x2028, 0x202F},
    Range{0x205F, 0x206F},   Range{0x3000, 0x3000},   Range{0xE000, 0xF8FF},   Range{0xFDD0, 0xFDEF},
    Range{0xFEFF, 0xFEFF},   Range{0xFFF9, 0xFFFB},   Range{0xFFFE, 0xFFFF},   Range{0x110BD, 0x110BD},
    Range{0x110CD, 0x110CD}, Range{0x13430, 0x1343F}, Range{0x1BCA0, 0x1BCA3}, Range{0x1D173, 0x1D17A},
    Range{0xE0001, 0xE007F}, Range{0xF0000, 0x10FFFF}};

bool printable(char32_t code) {
    if (code < 0x7F) return code >= 0x20;
    const auto* range = std::ranges::lower_bound(not_printable, code, {}, &Range::last);
    return range == not_printable.end() || code < range->first;
}

std::string escaped(char32_t code) {
    switch (code) {
        case '\n': return "\\n";
        case '\r': return "\\r";
        case '\t': return "\\t";
        default: break;
    }
    const char* format = code < 0x100 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x";
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), format, static_cast<unsigned>(code));
    return text.data();
}

}  // namespace

std::string python_repr(std::string_view text) {
    const bool has_single = text.find('\'') != std::string_view::npos;
    const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
    std::string out(1, quote);
    while (!text.empty()) {
        const auto character = first_character(text);
        if (!character) {
            out += escaped(0xDC00 + static_cast<unsigned char>(text.front()));
            text.remove_prefix(1);
            continue;
        }
        if (character->code == static_cast<unsigned char>(quote) || character->code == '\\') {
            out += '\\';
            out += text.front();
        } else if (printable(character->code)) {
            out += text.substr(0, character->length);
        } else {
            out += escaped(character->code);
        }
        text.remove_prefix(character->length);
    }
    return out + quote;
}

}  // namespace pgbosun::backup
