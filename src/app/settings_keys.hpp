#pragma once
// Every key of the configuration, once: where its value goes, what it must be like and how it is shown. The
// reader, the renderer, the check of the outside and docs/configuration.md are all held against this table.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::app {

enum class Shape { scalar, list, map };
enum class NamesFile { no, yes, secret };

struct Item {
    std::string name;  // of an entry of a map, else empty
    std::string text;
    bool operator==(const Item&) const = default;
};

struct Key {
    std::string path;  // "shutdown.smart_timeout"
    Shape shape = Shape::scalar;
    NamesFile names_file = NamesFile::no;
    // Puts one value (an item of a list or map: each in turn) into the settings, or says what is wrong with
    // it.
    std::function<Result<>(const Item&, Settings&)> take;
    // What would be written to get this value; empty: the key is not set.
    std::function<std::vector<Item>(const Settings&)> show;
};

// A part of the settings that exists only when its key is given.
struct Section {
    std::string path;
    void (*open)(Settings&);
    bool (*present)(const Settings&);
};

// In the order in which they are shown; keys of one section stand together.
const std::vector<Key>& settings_keys();
const std::vector<Section>& optional_sections();

// False when `path` belongs to an optional section that these settings do not have.
bool applies(std::string_view path, const Settings& settings);

}  // namespace pgbosun::app
