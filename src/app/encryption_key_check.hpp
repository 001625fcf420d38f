#pragma once
// An encryption key that is none is found before the archiver cannot start with it.

#include <optional>
#include <string>
#include <vector>

#include "app/environment_view.hpp"
#include "app/outside.hpp"
#include "app/settings_reader.hpp"

namespace pgbosun::app {

// A file that holds a key, and the key of the configuration that names it.
struct KeyFile {
    std::string key, path;
};
std::vector<KeyFile> encryption_key_files(const Settings& settings);

// What is wrong with what the file, or variable, holds; `text` is overwritten. None: it is a key.
std::optional<Fault> judge_encryption_key(const std::string& name, std::string text);

// An error for each that is none. What cannot be read is not judged: it may only not be mounted yet.
void check_encryption_keys(ReadSettings& read, const EnvironmentView& environment, const Outside& outside);

}  // namespace pgbosun::app
