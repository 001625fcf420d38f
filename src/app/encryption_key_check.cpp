#include "app/encryption_key_check.hpp"

#include <cstring>
#include <utility>

#include "pgbosun/encryption_key_text.hpp"

namespace pgbosun::app {
namespace {

struct Place {
    std::string prefix;
    const EncryptionSettings* encryption;
};

std::vector<Place> places_in(const Settings& settings) {
    std::vector<Place> places;
    const auto add = [&](const char* prefix, const std::optional<ArchiveSettings>& archive) {
        if (archive && archive->encryption) places.push_back({prefix, &*archive->encryption});
    };
    add("archive.encryption.", settings.archive);
    if (settings.bootstrap.recovery) add("bootstrap.recovery.source.encryption.", settings.bootstrap.recovery->source);
    return places;
}

}  // namespace

std::vector<KeyFile> encryption_key_files(const Settings& settings) {
    std::vector<KeyFile> files;
    for (const auto& [prefix, encryption] : places_in(settings)) {
        if (encryption->key.file) files.push_back({prefix + "key_file", *encryption->key.file});
        for (const auto& path : encryption->older_keys) files.push_back({prefix + "older_key_files", path});
    }
    return files;
}

std::optional<Fault> judge_encryption_key(const std::string& name, std::string text) {
    const bool good = is_encryption_key(text);
    ::explicit_bzero(text.data(), text.size());
    if (good) return std::nullopt;
    return Fault{FaultKind::refused, name + " holds no key of 32 bytes", key_hint};
}

void check_encryption_keys(ReadSettings& read, const EnvironmentView& environment, const Outside& outside) {
    const Settings settings = read.settings;
    const auto judge = [&](const std::string& key, const std::string& name, std::string text) {
        const auto wrong = judge_encryption_key(name, std::move(text));
        if (wrong) read.add(Severity::error, key, wrong->what, wrong->hint);
    };
    for (const auto& [key, path] : encryption_key_files(settings)) {
        auto text = outside.read(path, longest_key_file);
        if (text) judge(key, path, std::move(*text));
    }
    for (const auto& [prefix, encryption] : places_in(settings)) {
        if (!encryption->key.environment) continue;
        auto text = environment.variable(*encryption->key.environment);
        if (text && !text->empty()) judge(prefix + "key_env", *encryption->key.environment, std::move(*text));
    }
}

}  // namespace pgbosun::app
