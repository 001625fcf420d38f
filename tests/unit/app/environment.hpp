#pragma once
#include <map>
#include <set>
#include <string>

#include "app/environment_view.hpp"
#include "app/outside.hpp"

namespace pgbosun::app::test {

inline EnvironmentView environment(std::map<std::string, std::string> variables = {}) {
    EnvironmentView view;
    view.variable = [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
        const auto found = variables.find(std::string(name));
        return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
    };
    view.hostname = "pg-1";
    view.working_directory = "/home/anna";
    return view;
}

// A machine of a few files. Directories exist when something is in them or they were made.
class PretendOutside final : public Outside {
public:
    struct Entry {
        FileType type = FileType::regular;
        std::uint32_t mode = 0600;
        std::string content;
    };

    PretendOutside& file(const std::string& path, std::string content = "x", std::uint32_t mode = 0600) {
        entries_[path] = {FileType::regular, mode, std::move(content)};
        return *this;
    }
    PretendOutside& directory(const std::string& path, std::uint32_t mode = 0700) {
        entries_[path] = {FileType::directory, mode, ""};
        return *this;
    }

    Result<std::string> read(const std::string& path, std::size_t limit) const override {
        const auto found = entries_.find(path);
        if (found == entries_.end()) return fail(FaultKind::not_found, path + ": No such file or directory");
        if (!may(Permission::read, path)) return fail(FaultKind::refused, path + ": Permission denied");
        if (found->second.content.size() > limit) return fail(FaultKind::refused, path + ": is larger than that");
        return found->second.content;
    }
    std::optional<PathFacts> inspect(const std::string& path) const override {
        const auto found = entries_.find(path);
        if (found == entries_.end()) return std::nullopt;
        return PathFacts{found->second.type, found->second.mode};
    }
    bool may(Permission permission, const std::string& path) const override {
        const auto found = entries_.find(path);
        if (found == entries_.end()) return false;
        const std::uint32_t bit = permission == Permission::read ? 0400 : permission == Permission::write ? 0200 : 0100;
        return (found->second.mode & bit) != 0;
    }
    std::vector<std::string> list(const std::string& directory) const override {
        std::set<std::string> names;
        for (const auto& [path, entry] : entries_) {
            if (!path.starts_with(directory + "/")) continue;
            const auto rest = path.substr(directory.size() + 1);
            names.insert(rest.substr(0, rest.find('/')));
        }
        return {names.begin(), names.end()};
    }

private:
    std::map<std::string, Entry> entries_;
};

}  // namespace pgbosun::app::test
