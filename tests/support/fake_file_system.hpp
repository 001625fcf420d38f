#pragma once
// Files in memory that behave as include/pgbosun/file_system.hpp promises (tests/contract holds it to that).

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "pgbosun/file_system.hpp"

namespace pgbosun::test {

class FakeFileSystem final : public FileSystem {
public:
    struct Node {
        FileType type = FileType::regular;
        std::string content;
        std::uint32_t mode = 0600;
        std::uint32_t owner = 1000;
        std::int64_t modified_ns = 0;
    };

    // A test may look at and change what is there: canonical absolute path -> node. "/" is always a directory.
    std::map<std::string, Node> nodes{{"/", {FileType::directory, "", 0755}}};
    VolumeFacts room{100ULL << 30, 50ULL << 30};
    // Asked before every call with its name ("write_durably") and path: a Fault is answered in place of the call.
    std::function<std::optional<Fault>(std::string_view verb, const std::string& path)> fault;
    // What was changed on disk, in order: "write_durably /a".
    std::vector<std::string> changes;

    // A directory with its parents, at once.
    void add_directory(const std::string& path) {
        if (path != "/") add_directory(parent(path));
        nodes.try_emplace(path, Node{FileType::directory, "", 0700});
    }
    void add_file(const std::string& path, std::string content, std::uint32_t mode = 0600) {
        add_directory(parent(path));
        nodes[path] = Node{FileType::regular, std::move(content), mode, 1000, ++time_};
    }

    Task<Result<std::string>> read(std::string path, std::size_t limit) override {
        if (auto injected = ask("read", path)) co_return std::unexpected(std::move(*injected));
        const Node* node = find(path);
        if (!node) co_return missing("reading", path);
        if (node->type != FileType::regular) co_return refuse("reading", path, "not a regular file");
        if (node->content.size() > limit) co_return refuse("reading", path, "larger than the limit");
        co_return node->content;
    }
    Task<Result<std::string>> read_part(std::string path, std::uint64_t offset, std::size_t size) override {
        if (auto injected = ask("read_part", path)) co_return std::unexpected(std::move(*injected));
        const Node* node = find(path);
        if (!node) co_return missing("reading", path);
        if (node->type != FileType::regular) co_return refuse("reading", path, "not a regular file");
        co_return offset < node->content.size() ? node->content.substr(offset, size) : std::string();
    }
    Task<Result<>> write_durably(std::string path, std::string content) override {
        if (auto injected = change("write_durably", path)) co_return std::unexpected(std::move(*injected));
        if (auto ready = writable("writing", path); !ready) co_return ready;
        nodes[path] = Node{FileType::regular, std::move(content), 0600, 1000, ++time_};
        co_return Result<>();
    }
    Task<Result<>> append_durably(std::string path, std::string content) override {
        if (auto injected = change("append_durably", path)) co_return std::unexpected(std::move(*injected));
        if (auto ready = writable("appending to", path); !ready) co_return ready;
        nodes[path].content += content;
        nodes[path].modified_ns = ++time_;
        co_return Result<>();
    }
    Task<Result<>> remove_durably(std::string path) override {
        if (auto injected = change("remove_durably", path)) co_return std::unexpected(std::move(*injected));
        const Node* node = find(path);
        if (node && node->type == FileType::directory) co_return refuse("removing", path, "is a directory");
        nodes.erase(path);
        co_return Result<>();
    }
    Task<Result<>> rename_durably(std::string from, std::string to) override {
        if (auto injected = change("rename_durably", from)) co_return std::unexpected(std::move(*injected));
        const Node* source = find(from);
        if (!source || !find(parent(to))) co_return missing("renaming", from);
        const Node* target = find(to);
        if (target && target->type == FileType::directory) {
            if (source->type != FileType::directory) co_return refuse("renaming", to, "is a directory");
            if (has_children(to)) co_return fail(FaultKind::conflict, "renaming to " + to + ": not empty");
        }
        if (from != to) move_tree(from, to);
        co_return Result<>();
    }
    Task<Result<std::size_t>> rename_each_durably(std::string directory, std::vector<Rename> renames) override {
        if (auto injected = change("rename_each_durably", directory)) co_return std::unexpected(std::move(*injected));
        if (!find(directory)) co_return missing("synchronising", directory);
        std::size_t done = 0;
        for (const auto& [from, to] : renames) {
            if (!find(directory + "/" + from)) continue;
            if (from != to) move_tree(directory + "/" + from, directory + "/" + to);
            ++done;
        }
        co_return done;
    }
    Task<Result<>> make_directory(std::string path) override {
        if (auto injected = change("make_directory", path)) co_return std::unexpected(std::move(*injected));
        const Node* node = find(path);
        if (node && node->type != FileType::directory) {
            co_return fail(FaultKind::conflict, "making the directory " + path + ": something else is there");
        }
        add_directory(path);
        co_return Result<>();
    }
    Task<Result<>> remove_tree(std::string path) override {
        if (auto injected = change("remove_tree", path)) co_return std::unexpected(std::move(*injected));
        std::erase_if(nodes, [&](const auto& node) { return node.first == path || below(node.first, path); });
        co_return Result<>();
    }
    Task<Result<>> change_mode(std::string path, std::uint32_t mode) override {
        if (auto injected = change("change_mode", path)) co_return std::unexpected(std::move(*injected));
        if (!find(path)) co_return missing("changing the mode of", path);
        nodes[path].mode = mode;
        co_return Result<>();
    }
    Task<Result<>> make_fifo(std::string path) override {
        if (auto injected = change("make_fifo", path)) co_return std::unexpected(std::move(*injected));
        if (!find(parent(path))) co_return missing("making the FIFO", path);
        const Node* node = find(path);
        if (node && node->type != FileType::other) co_return fail(FaultKind::conflict, path + ": is there already");
        nodes[path] = Node{FileType::other};
        co_return Result<>();
    }
    Task<Result<std::vector<std::string>>> list(std::string path, std::size_t limit) override {
        if (auto injected = ask("list", path)) co_return std::unexpected(std::move(*injected));
        const Node* node = find(path);
        if (!node || node->type != FileType::directory) co_return missing("listing", path);
        std::vector<std::string> names;
        for (const auto& [name, entry] : nodes) {
            if (name != "/" && parent(name) == path) names.push_back(name.substr(name.rfind('/') + 1));
        }
        if (names.size() > limit) co_return refuse("listing", path, "more entries than the limit");
        co_return names;
    }
    Task<Result<FileFacts>> inspect(std::string path) override {
        if (auto injected = ask("inspect", path)) co_return std::unexpected(std::move(*injected));
        const Node* node = find(path);
        if (!node) co_return missing("looking at", path);
        FileFacts facts{node->type, node->owner, node->mode, node->content.size(), 1, node->modified_ns};
        co_return facts;
    }
    Task<Result<VolumeFacts>> volume(std::string path) override {
        if (auto injected = ask("volume", path)) co_return std::unexpected(std::move(*injected));
        if (!find(path)) co_return missing("asking for the room at", path);
        co_return room;
    }

private:
    static std::string parent(const std::string& path) {
        const auto slash = path.rfind('/');
        return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
    }
    static bool below(const std::string& path, const std::string& directory) {
        return path.starts_with(directory + "/");
    }
    static std::unexpected<Fault> missing(const std::string& doing, const std::string& path) {
        return fail(FaultKind::not_found, doing + " " + path + ": No such file or directory");
    }
    static std::unexpected<Fault> refuse(const std::string& doing, const std::string& path, const std::string& why) {
        return fail(FaultKind::refused, doing + " " + path + ": " + why);
    }
    std::optional<Fault> ask(std::string_view verb, const std::string& path) const {
        return fault ? fault(verb, path) : std::nullopt;
    }
    std::optional<Fault> change(std::string_view verb, const std::string& path) {
        auto injected = ask(verb, path);
        if (!injected) changes.push_back(std::string(verb) + " " + path);
        return injected;
    }
    const Node* find(const std::string& path) const {
        const auto found = nodes.find(path);
        return found == nodes.end() ? nullptr : &found->second;
    }
    Result<> writable(const std::string& doing, const std::string& path) const {
        const Node* directory = find(parent(path));
        if (!directory || directory->type != FileType::directory) return missing(doing, path);
        const Node* node = find(path);
        if (node && node->type == FileType::directory) return refuse(doing, path, "is a directory");
        return {};
    }
    bool has_children(const std::string& directory) const {
        const auto next = nodes.lower_bound(directory + "/");
        return next != nodes.end() && below(next->first, directory);
    }
    void move_tree(const std::string& from, const std::string& to) {
        std::map<std::string, Node> moved;
        for (const auto& [path, node] : nodes) {
            if (path == from || below(path, from)) moved[to + path.substr(from.size())] = node;
        }
        std::erase_if(nodes, [&](const auto& node) { return node.first == from || below(node.first, from); });
        for (auto& [path, node] : moved) nodes[path] = std::move(node);
    }

    std::int64_t time_ = 0;
};

}  // namespace pgbosun::test
