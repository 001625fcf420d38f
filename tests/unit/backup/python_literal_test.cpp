#include "backup/python_literal.hpp"

#include <string>

#include "backup/utf8.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;
using namespace std::string_literals;

namespace {

PythonValue text(std::string value) { return {std::move(value)}; }
PythonValue number(std::int64_t value) { return {value}; }
PythonValue list(PythonSequence items) { return {std::move(items)}; }

}  // namespace

TEST_CASE("text is rendered exactly as Python's repr does, and read back") {
    const auto [value, repr] = GENERATE(table<std::string, std::string>({
        {"", "''"},
        {"plain", "'plain'"},
        {"it's", "\"it's\""},
        {"say \"no\"", "'say \"no\"'"},
        {"it's \"no\"", "'it\\'s \"no\"'"},
        {"a\\b", "'a\\\\b'"},
        {"line\nnext\r\t", "'line\\nnext\\r\\t'"},
        {"\a\b\f\v\x1b\x7f"s, "'\\x07\\x08\\x0c\\x0b\\x1b\\x7f'"},
        {"a\0b"s, "'a\\x00b'"},
        {"gr\u00fc\u00df", "'gr\u00fc\u00df'"},
        {"\u65e5\u672c \U0001F40D", "'\u65e5\u672c \U0001F40D'"},
        {"\u00a0\u00ad\u200b\u2028\ufeff", "'\\xa0\\xad\\u200b\\u2028\\ufeff'"},
        {"\ue000\U000F0000\U000E0001", "'\\ue000\\U000f0000\\U000e0001'"},
        {"\x80\xff"s, "'\\udc80\\udcff'"},
        {"\xc3"s, "'\\udcc3'"},
        {"\xed\xa0\x80"s, "'\\udced\\udca0\\udc80'"},
    }));
    CAPTURE(value);
    CHECK(python_repr(value) == repr);
    const auto read = parse_python_literal(repr);
    REQUIRE(read);
    CHECK(*read == text(value));
}

TEST_CASE("literals are read as Python reads them") {
    const auto [literal, value] = GENERATE(table<std::string, PythonValue>({
        {"None", {}},
        {"True", {true}},
        {" False ", {false}},
        {"0", number(0)},
        {"-16384", number(-16384)},
        {"9223372036854775807", number(INT64_MAX)},
        {"[]", list({})},
        {"()", list({})},
        {"(1)", number(1)},
        {"(1,)", list({number(1)})},
        {"[1]", list({number(1)})},
        {"[1, ]", list({number(1)})},
        {"[('ts1', 16384, '/path')]", list({list({text("ts1"), number(16384), text("/path")})})},
        {"[( 'a' ,1,\"/it's\"), ('b',2,'/y',)]",
         list({list({text("a"), number(1), text("/it's")}), list({text("b"), number(2), text("/y")})})},
        {"'a' \"b\"", text("ab")},
        {R"('\x41\101\u00e9\U0001F40D\0\q')", text("AA\u00e9\U0001F40D\0\\q"s)},
        {"'a\\\nb'", text("ab")},
    }));
    CAPTURE(literal);
    const auto read = parse_python_literal(literal);
    REQUIRE(read);
    CHECK(*read == value);
}

TEST_CASE("what is no literal of ours is corrupt") {
    for (const std::string literal : {"",
                                      " ",
                                      "none",
                                      "Nonesuch",
                                      "'",
                                      "'a",
                                      "'a\\",
                                      "'a\\'",
                                      "\"a'",
                                      "'a\nb'",
                                      "[",
                                      "[1",
                                      "[1 2]",
                                      "[,]",
                                      "(,)",
                                      "[1,,2]",
                                      "(1]",
                                      "1 2",
                                      "1.5",
                                      "0x10",
                                      "1-2",
                                      "-",
                                      "9223372036854775808",
                                      "{'a': 1}",
                                      "b'a'",
                                      "'''a'''",
                                      R"('\x4')",
                                      R"('\xzz')",
                                      R"('\u00')",
                                      R"('\ud800')",
                                      R"('\U00110000')",
                                      R"('\N{BEE}')",
                                      "open('/etc/passwd')"}) {
        CAPTURE(literal);
        const auto read = parse_python_literal(literal);
        REQUIRE_FALSE(read);
        CHECK(read.error().kind == FaultKind::corrupt);
    }
}

TEST_CASE("a literal that nests too deep is refused, not followed") {
    CHECK(parse_python_literal(std::string(16, '[') + std::string(16, ']')));
    CHECK_FALSE(parse_python_literal(std::string(100'000, '[')));
    CHECK_FALSE(parse_python_literal(std::string(18, '[') + std::string(18, ']')));
}

TEST_CASE("UTF-8 is what RFC 3629 says") {
    for (const auto& good : {""s, "a\0b"s, "\u00fc"s, "\ud7ff\ue000"s, "\uffff"s, "\U0010FFFF"s}) CHECK(is_utf8(good));
    for (const auto& bad : {"\x80"s, "\xc0\x80"s, "\xc1\xbf"s, "\xe0\x9f\xbf"s, "\xed\xa0\x80"s, "\xf0\x8f\xbf\xbf"s,
                            "\xf4\x90\x80\x80"s, "\xf5\x80\x80\x80"s, "\xc3"s, "\xe2\x82"s, "\xc3\x28"s, "\xff"s}) {
        CHECK_FALSE(is_utf8(bad));
    }
}
