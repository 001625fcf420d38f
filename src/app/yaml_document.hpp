#pragma once
// One YAML document as a bounded tree that knows its lines. The only user of yaml-cpp in the project.

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace pgbosun::app {

inline constexpr std::size_t longest_document = 1024 * 1024;
inline constexpr std::size_t deepest_document = 32;
inline constexpr std::size_t most_nodes = 20'000;

struct YamlNode {
    enum class Type { null, scalar, list, map };
    Type type = Type::null;
    int line = 0;     // from 1
    std::string key;  // of an entry of a map
    int key_line = 0;
    std::string text;                // of a scalar
    std::vector<YamlNode> children;  // of a list or map, in order; a map's keys may repeat
};

std::string_view to_string(YamlNode::Type type);

struct YamlProblem {
    int line = 0;
    std::string what;
    std::string hint;
};

// An empty document is a null. Aliases and keys that are no scalars are refused, and so is all that passes a
// limit.
std::expected<YamlNode, YamlProblem> parse_yaml(std::string_view text);

}  // namespace pgbosun::app
