#pragma once
// Python's literals, which Barman's backup.info holds: text, whole numbers, lists and tuples of them, None,
// True and False. Bytes that are no UTF-8 are the characters that Python's os.fsdecode makes of them
// ('\udc80' to '\udcff').

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "pgbosun/fault.hpp"

namespace pgbosun::backup {

struct PythonValue;
using PythonSequence = std::vector<PythonValue>;  // a list or a tuple

struct PythonValue {
    std::variant<std::monostate, bool, std::int64_t, std::string, PythonSequence> value;  // monostate: None
    bool operator==(const PythonValue&) const = default;
};

// As Python's repr(): single quotes unless only they are in it, everything escaped that is not printable.
// Characters that Unicode has not assigned yet stay as they are: which ones these are differs between
// Pythons.
std::string python_repr(std::string_view text);

// The whole text must be one literal. corrupt: it is not, nests deeper than 16, or holds anything else
// (dictionaries, floating point numbers, triple quotes).
Result<PythonValue> parse_python_literal(std::string_view text);

}  // namespace pgbosun::backup
