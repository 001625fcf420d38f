#include "backup/python_literal.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

#include "backup/utf8.hpp"

namespace pgbosun::backup {
namespace {

constexpr int deepest = 16;

class Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}

    Result<PythonValue> whole() {
        auto value = read(0);
        if (!value) return value;
        skip_blanks();
        if (at_ < text_.size()) return malformed("more than one literal");
        return value;
    }

private:
    [[nodiscard]] std::unexpected<Fault> malformed(const std::string& what) const {
        return fail(FaultKind::corrupt, what + " at character " + std::to_string(at_ + 1) + " of a Python literal");
    }

    void skip_blanks() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    }

    bool take(std::string_view word) {
        if (!text_.substr(at_).starts_with(word)) return false;
        at_ += word.size();
        return true;
    }

    // The same, and no letter or digit follows.
    bool take_word(std::string_view word) {
        const auto start = at_;
        if (!take(word)) return false;
        const auto after = at_ < text_.size() ? static_cast<unsigned char>(text_[at_]) : ' ';
        if (after < 0x80 && after != '_' && std::isalnum(after) == 0) return true;
        at_ = start;
        return false;
    }

    Result<PythonValue> read(int depth) {
        if (depth > deepest) return malformed("deeper than 16 levels");
        skip_blanks();
        if (take_word("None")) return PythonValue{};
        if (take_word("True")) return PythonValue{true};
        if (take_word("False")) return PythonValue{false};
        if (take("[")) return sequence(']', depth);
        if (take("(")) return sequence(')', depth);
        if (at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"')) return strings();
        return integer();
    }

    // Behind its opening bracket. "(x)" is x itself, as in Python.
    Result<PythonValue> sequence(char end, int depth) {
        PythonSequence items;
        bool comma = false;
        for (;;) {
            skip_blanks();
            if (take(std::string_view(&end, 1))) break;
            if (!items.empty() && !comma) return malformed("no comma");
            auto item = read(depth + 1);
            if (!item) return item;
            items.push_back(std::move(*item));
            skip_blanks();
            comma = take(",");
        }
        if (end == ')' && items.size() == 1 && !comma) return std::move(items.front());
        return PythonValue{std::move(items)};
    }

    Result<PythonValue> integer() {
        const auto rest = text_.substr(at_);
        const auto digits = std::min(rest.find_first_not_of("-0123456789"), rest.size());
        std::int64_t value = 0;
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + digits, value);
        if (error != std::errc{} || end != rest.data() + digits) return malformed("no literal that is known here");
        at_ += digits;
        if (at_ < text_.size() && std::string_view(" \t,)]").find(text_[at_]) == std::string_view::npos) {
            return malformed("no whole number");
        }
        return PythonValue{value};
    }

    // Literals side by side are one.
    Result<PythonValue> strings() {
        std::string value;
        while (at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"')) {
            if (auto read = one_string(value); !read) return std::unexpected(std::move(read).error());
            skip_blanks();
        }
        return PythonValue{std::move(value)};
    }

    Result<> one_string(std::string& value) {
        if (take("'''") || take("\"\"\"")) return malformed("triple quotes");
        const char quote = text_[at_++];
        while (at_ < text_.size() && text_[at_] != quote) {
            if (text_[at_] == '\n') return malformed("a line ends within quotes");
            if (text_[at_] != '\\') {
                value += text_[at_++];
                continue;
            }
            ++at_;
            if (auto read = escape(value); !read) return read;
        }
        if (at_ == text_.size()) return malformed("no closing quote");
        ++at_;
        return {};
    }

    // Behind the backslash.
    Result<> escape(std::string& value) {
        if (at_ == text_.size()) return malformed("no closing quote");
        const char letter = text_[at_];
        if (letter >= '0' && letter <= '7') return octal(value);
        ++at_;
        switch (letter) {
            case '\n': return {};
            case '\\':
            case '\'':
            case '"': value += letter; return {};
            case 'a': value += '\a'; return {};
            case 'b': value += '\b'; return {};
            case 'f': value += '\f'; return {};
            case 'n': value += '\n'; return {};
            case 'r': value += '\r'; return {};
            case 't': value += '\t'; return {};
            case 'v': value += '\v'; return {};
            case 'x': return hexadecimal(2, value);
            case 'u': return hexadecimal(4, value);
            case 'U': return hexadecimal(8, value);
            case 'N': return malformed("a character by its name");
            default:  // Python keeps the backslash of an escape that it does not know
                value += '\\';
                value += letter;
                return {};
        }
    }

    Result<> octal(std::string& value) {
        char32_t code = 0;
        for (int digits = 0; digits < 3 && at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '7'; ++digits) {
            code = code * 8 + static_cast<unsigned char>(text_[at_++] - '0');
        }
        return character(code, value);
    }

    Result<> hexadecimal(std::size_t digits, std::string& value) {
        const auto text = text_.substr(at_, digits);
        std::uint32_t code = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code, 16);
        if (text.size() != digits || error != std::errc{} || end != text.data() + digits) {
            return malformed("an escape without its digits");
        }
        at_ += digits;
        return character(code, value);
    }

    Result<> character(char32_t code, std::string& value) const {
        if (code >= 0xDC80 && code <= 0xDCFF) {
            value += static_cast<char>(code - 0xDC00);
            return {};
        }
        if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return malformed("an escape that is no character");
        append_utf8(value, code);
        return {};
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

Result<PythonValue> parse_python_literal(std::string_view text) { return Parser(text).whole(); }

}  // namespace pgbosun::backup
