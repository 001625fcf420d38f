#include "app/settings_reader.hpp"

#include <algorithm>
#include <set>

#include "app/key_suggestion.hpp"
#include "app/settings_checks.hpp"
#include "app/settings_keys.hpp"
#include "app/substitution.hpp"
#include "app/yaml_document.hpp"

namespace pgbosun::app {
namespace {

// Past this many the rest would only hide the first cause.
constexpr std::size_t most_findings = 200;
constexpr std::size_t most_items = 1000;

class Reading {
public:
    Reading(ReadSettings& read, const EnvironmentView& environment, const ParameterCheck& parameter_check)
        : read_(read), environment_(environment), parameter_check_(parameter_check) {}

    void map(const YamlNode& node, const std::string& prefix) {
        std::set<std::string> seen;
        for (const auto& entry : node.children) {
            const auto path = prefix.empty() ? entry.key : prefix + "." + entry.key;
            if (!seen.insert(entry.key).second) {
                error(entry.key_line, path, "is given twice", "keep one of them");
            } else {
                key_or_section(entry, path);
            }
        }
    }

private:
    void error(int line, const std::string& path, std::string what, std::string hint) {
        if (read_.findings.size() >= most_findings) return;
        read_.findings.push_back(
            {Severity::error, read_.file, line, path.substr(0, 200), std::move(what), std::move(hint)});
    }

    void key_or_section(const YamlNode& node, const std::string& path) {
        const auto& keys = settings_keys();
        const auto key = std::ranges::find(keys, path, &Key::path);
        if (key != keys.end()) {
            read_.lines.emplace(path, node.key_line);
            value(node, *key);
        } else if (std::ranges::any_of(keys, [&](const Key& k) { return k.path.starts_with(path + "."); })) {
            read_.lines.emplace(path, node.key_line);
            section(node, path);
        } else {
            const auto meant = suggest_key(path);
            error(node.key_line, path, "is not a key of the configuration",
                  meant ? "did you mean " + *meant + "?" : "remove it; docs/configuration.md lists every key");
        }
    }

    void section(const YamlNode& node, const std::string& path) {
        const auto& sections = optional_sections();
        const auto optional = std::ranges::find(sections, path, &Section::path);
        if (optional != sections.end()) optional->open(read_.settings);
        if (node.type == YamlNode::Type::map) return map(node, path);
        if (node.type == YamlNode::Type::null) return;
        error(node.line, path, "must be a map, and is " + std::string(to_string(node.type)),
              "write its keys below it, indented");
    }

    void value(const YamlNode& node, const Key& key) {
        using Type = YamlNode::Type;
        if (node.type == Type::null && key.shape != Shape::scalar) return;
        if (node.type == Type::null) {
            return error(node.key_line, key.path, "has no value", "give one, or remove the line to get the default");
        }
        if (key.shape == Shape::scalar && node.type == Type::scalar) return scalar(node, key, {});
        const auto fits = key.shape == Shape::list ? Type::list : Type::map;
        if (key.shape == Shape::scalar || node.type != fits) return wrong_shape(node, key);
        items(node, key);
    }

    void wrong_shape(const YamlNode& node, const Key& key) {
        const auto last = key.path.substr(key.path.rfind('.') + 1);
        const auto form = key.shape == Shape::list  ? last + ": [\"first\", \"second\"]"
                          : key.shape == Shape::map ? last + ": {name: value}"
                                                    : last + ": value";
        const auto wanted = key.shape == Shape::list ? "a list" : key.shape == Shape::map ? "a map" : "a single value";
        error(node.line, key.path, "must be " + std::string(wanted) + ", and is " + std::string(to_string(node.type)),
              "write " + form);
    }

    void items(const YamlNode& node, const Key& key) {
        if (node.children.size() > most_items) {
            return error(node.line, key.path, "has more than 1,000 entries", "");
        }
        std::set<std::string> seen;
        for (const auto& child : node.children) {
            if (child.type != YamlNode::Type::scalar) {
                error(child.line, key.path,
                      "an entry must be a single value, and is " + std::string(to_string(child.type)),
                      "put a text with : or { in it into quotes");
            } else if (key.shape == Shape::map && !seen.insert(child.key).second) {
                error(child.key_line, key.path + "." + child.key, "is given twice", "keep one of them");
            } else {
                scalar(child, key, child.key);
            }
        }
    }

    void scalar(const YamlNode& node, const Key& key, const std::string& name) {
        auto text = substitute(node.text, environment_);
        if (!text) return error(node.line, key.path, text.error().what, text.error().hint);
        if (without_substitution(*text) != node.text) read_.expanded.push_back({key.path, {name, *text}, node.text});
        take(node, key, {name, std::move(*text)});
    }

    void take(const YamlNode& node, const Key& key, const Item& item) {
        const auto path = item.name.empty() ? key.path : key.path + "." + item.name;
        const int line = node.key_line > 0 ? node.key_line : node.line;
        if (key.path == "postgresql.parameters" && parameter_check_) {
            if (auto objection = parameter_check_(item.name, item.text)) {
                return error(line, path, std::move(objection->what), std::move(objection->hint));
            }
        }
        if (auto taken = key.take(item, read_.settings); !taken) {
            error(line, path, taken.error().what, taken.error().hint);
        }
    }

    ReadSettings& read_;
    const EnvironmentView& environment_;
    const ParameterCheck& parameter_check_;
};

// Findings of one line stay in their order. (Not std::stable_sort: libstdc++ 12's does not compile under
// clang 19 with warnings as errors.)
void sort_by_line(std::vector<Finding>& findings) {
    std::multimap<int, Finding> sorted;
    for (auto& finding : findings) sorted.emplace(finding.line, std::move(finding));
    findings.clear();
    for (auto& [line, finding] : sorted) findings.push_back(std::move(finding));
}

// "PG-1.example.com" is called pg-1.
std::string instance_name(std::string_view hostname) {
    std::string name;
    for (const char c : hostname.substr(0, std::min(hostname.find('.'), std::size_t(63)))) {
        const bool capital = c >= 'A' && c <= 'Z';
        const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        name += capital ? static_cast<char>(c - 'A' + 'a') : plain ? c : '-';
    }
    while (name.ends_with('-')) name.pop_back();
    while (name.starts_with('-')) name.erase(0, 1);
    return name.empty() ? "pgbosun" : name;
}

// A source without a destination lies beside the own archive, under another name.
void complete_source(Settings& settings) {
    if (!settings.bootstrap.recovery || !settings.bootstrap.recovery->source) return;
    auto& source = *settings.bootstrap.recovery->source;
    if (source.destination.empty() && settings.archive) {
        auto name = std::move(source.server_name);
        source = *settings.archive;
        source.server_name = std::move(name);
    } else if (settings.archive) {
        source.data.max_parallel = settings.archive->data.max_parallel;
        source.wal.max_parallel = settings.archive->wal.max_parallel;
    }
}

void fill_defaults(Settings& settings, const EnvironmentView& environment) {
    if (settings.instance.empty()) {
        const auto hostname = environment.variable("HOSTNAME").value_or("");
        settings.instance = instance_name(hostname.empty() ? environment.hostname : hostname);
    }
    if (settings.run_dir.empty()) settings.run_dir = "/run/pgbosun";
    if (!settings.run_as && environment.started_as == StartedAs::root) settings.run_as = "postgres";
    if (settings.archive && settings.archive->server_name.empty()) settings.archive->server_name = settings.cluster;
    complete_source(settings);
}

}  // namespace

bool ReadSettings::usable() const {
    return std::ranges::none_of(findings, [](const Finding& f) { return f.severity == Severity::error; });
}

void ReadSettings::add(Severity severity, std::string_view key, std::string what, std::string hint) {
    const auto same = [&](const Finding& f) { return f.key == key && f.severity == Severity::error; };
    if (std::ranges::any_of(findings, same)) return;
    int line = 0;
    for (std::string path(key); line == 0 && !path.empty();) {
        if (const auto found = lines.find(path); found != lines.end()) line = found->second;
        path.resize(path.rfind('.') == std::string::npos ? 0 : path.rfind('.'));
    }
    findings.push_back({severity, file, line, std::string(key), std::move(what), std::move(hint)});
}

ReadSettings read_settings(std::string_view yaml_text, std::string_view file_name, const EnvironmentView& environment,
                           const ParameterCheck& parameter_check) {
    ReadSettings read;
    read.file = file_name;
    read.settings.config_file = file_name;
    const auto document = parse_yaml(yaml_text);
    if (!document) {
        const auto& problem = document.error();
        read.findings.push_back({Severity::error, read.file, problem.line, "", problem.what, problem.hint});
        return read;
    }
    if (document->type == YamlNode::Type::map) {
        Reading(read, environment, parameter_check).map(*document, "");
    } else if (document->type != YamlNode::Type::null) {
        read.findings.push_back({Severity::error, read.file, document->line, "",
                                 "the configuration must be a map of keys", "write lines such as \"cluster: orders\""});
        return read;
    }
    fill_defaults(read.settings, environment);
    check_whole(read);
    sort_by_line(read.findings);
    return read;
}

ReadSettings embedded_settings(const EnvironmentView& environment) {
    ReadSettings read;
    read.file = "embedded default";
    auto& settings = read.settings;
    const auto& directory = environment.working_directory;
    settings.volume = (directory == "/" ? "" : directory) + "/pgbosun-data";
    settings.run_dir = settings.volume + "/run";
    settings.archive.emplace().destination = "file://" + settings.volume + "/archive";
    settings.http.listen = "127.0.0.1:8008";
    settings.log.format = environment.output == StandardOutput::terminal ? LogFormat::text : LogFormat::json;
    fill_defaults(settings, environment);
    check_whole(read);
    return read;
}

}  // namespace pgbosun::app
