#pragma once
// An OpenAPI document, held against what is really rendered.

#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "support/catch.hpp"

namespace pgbosun::test {

// What "#/components/schemas/Name" leads to; `node` itself where it is no reference.
inline YAML::Node followed(const YAML::Node& document, YAML::Node node) {
    if (!node["$ref"]) return node;
    const auto path = node["$ref"].as<std::string>();
    YAML::Node at = YAML::Clone(document);
    for (std::size_t begin = 2; begin <= path.size();) {
        const auto end = std::min(path.find('/', begin), path.size());
        at.reset(at[path.substr(begin, end - begin)]);
        begin = end + 1;
    }
    return at;
}

// Every property of the JSON is in the schema, and every one of the schema in the JSON; so on inside.
inline void compare(const YAML::Node& document, const nlohmann::json& json, const YAML::Node& schema,
                    const std::string& where) {
    CAPTURE(where);
    const YAML::Node wanted = followed(document, schema);
    if (json.is_array()) {
        for (const auto& element : json) compare(document, element, wanted["items"], where + "[]");
        return;
    }
    if (!json.is_object() || !wanted["properties"]) return;
    std::set<std::string> rendered, promised;
    for (const auto& [name, value] : json.items()) rendered.insert(name);
    for (const auto& property : wanted["properties"]) promised.insert(property.first.as<std::string>());
    CHECK(rendered == promised);
    for (const auto& [name, value] : json.items())
        compare(document, value, wanted["properties"][name], where + "." + name);
}

}  // namespace pgbosun::test
