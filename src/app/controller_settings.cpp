#include "app/controller_settings.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "app/conninfo.hpp"
#include "app/key_suggestion.hpp"
#include "app/substitution.hpp"
#include "app/value_rules.hpp"
#include "app/value_text.hpp"
#include "app/yaml_document.hpp"
#include "pgbosun/assignment.hpp"

namespace pgbosun::app {
namespace {

using Take = std::function<Result<>(const std::string& text, ControllerSettings& settings)>;

Take checked(Rule rule, std::function<void(ControllerSettings&, const std::string&)> put) {
    return [rule, put = std::move(put)](const std::string& text, ControllerSettings& settings) -> Result<> {
        if (auto good = rule(text); !good) return good;
        put(settings, text);
        return {};
    };
}

Take duration(Duration least, Duration most, Duration ControllerSettings::* into) {
    return [=](const std::string& text, ControllerSettings& settings) -> Result<> {
        const auto value = parse_duration(text);
        if (!value) return std::unexpected(value.error());
        if (*value < least || *value > most) {
            return fail(FaultKind::refused, "must be between " + duration_text(least) + " and " + duration_text(most));
        }
        settings.*into = *value;
        return {};
    };
}

Result<int> integer_between(const std::string& text, int least, int most) {
    const auto value = parse_integer(text);
    if (!value) return std::unexpected(value.error());
    if (*value >= least && *value <= most) return static_cast<int>(*value);
    return fail(FaultKind::refused, "must be between " + std::to_string(least) + " and " + std::to_string(most));
}

template <class Enum>
Take one_of(std::vector<std::pair<std::string, Enum>> words, std::function<void(ControllerSettings&, Enum)> put) {
    return [words = std::move(words), put = std::move(put)](const std::string& text,
                                                            ControllerSettings& settings) -> Result<> {
        std::string known;
        for (const auto& [word, value] : words) {
            if (word == text) {
                put(settings, value);
                return {};
            }
            known.append(known.empty() ? "" : " or ").append(word);
        }
        return fail(FaultKind::refused, "must be " + known + ", and is \"" + text.substr(0, 100) + "\"");
    };
}

SynchronousSettings& synchronous(ControllerSettings& settings) {
    return settings.synchronous ? *settings.synchronous : settings.synchronous.emplace();
}

std::string with_a_name(std::string text) {
    constexpr std::string_view mark = "{pod}";
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark)) text.replace(at, mark.size(), "a");
    return text;
}

// Kubernetes says what is wrong with one; here only what can stand in a URL is let through.
Result<> label_selector(const std::string& text) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=!,() ";
    if (!text.empty() && text.size() <= 1000 && text.find_first_not_of(allowed) == std::string::npos) return {};
    return fail(FaultKind::refused, "is not a label selector", "as for kubectl get pods --selector");
}

// Every key with one value; `instances` and `record.etcd.endpoints` are lists.
const std::map<std::string, Take>& scalar_keys() {
    using S = ControllerSettings;
    const auto etcd = [](std::optional<std::string> EtcdSettings::* into) {
        return checked(any_text, [into](S& s, const std::string& text) { (*s.etcd).*into = text; });
    };
    const auto kubernetes = [](std::optional<std::string> KubernetesSettings::* into, Rule rule = any_text) {
        return checked(rule, [into](S& s, const std::string& text) { (*s.kubernetes).*into = text; });
    };
    const auto http = [](std::optional<std::string> HttpSettings::* into) {
        return checked(absolute_path, [into](S& s, const std::string& text) { s.http.*into = text; });
    };
    using namespace std::chrono_literals;
    static const std::map<std::string, Take> keys = {
        {"cluster", checked(cluster_name, [](S& s, const std::string& text) { s.cluster = text; })},
        {"record.etcd.user", etcd(&EtcdSettings::user)},
        {"record.etcd.password_file", etcd(&EtcdSettings::password_file)},
        {"record.etcd.ca_file", etcd(&EtcdSettings::ca_file)},
        {"record.etcd.cert_file", etcd(&EtcdSettings::cert_file)},
        {"record.etcd.key_file", etcd(&EtcdSettings::key_file)},
        {"record.kubernetes.namespace", kubernetes(&KubernetesSettings::name_space, cluster_name)},
        {"record.kubernetes.server", kubernetes(&KubernetesSettings::server, http_url)},
        {"record.kubernetes.token_file", kubernetes(&KubernetesSettings::token_file)},
        {"record.kubernetes.ca_file", kubernetes(&KubernetesSettings::ca_file)},
        {"token_file", checked(absolute_path, [](S& s, const std::string& text) { s.token_file = text; })},
        {"ca_file", checked(absolute_path, [](S& s, const std::string& text) { s.ca_file = text; })},
        {"standby_cluster.primary_conninfo", checked([](const std::string& text) { return check_conninfo(text); },
                                                     [](S& s, const std::string& text) { s.source = text; })},
        {"standby_cluster.archive", one_of<bool>({{"true", true}, {"false", false}},
                                                 [](S& s, bool yes) {
                                                     if (yes) s.source = archive_source;
                                                 })},
        {"lease.ttl", duration(1s, 5min, &S::ttl)},
        {"failover.restart_window", duration(0s, 1h, &S::restart_window)},
        {"failover.max_lag",
         [](const std::string& text, S& settings) -> Result<> {
             const auto size = parse_size(text);
             if (!size) return std::unexpected(size.error());
             settings.max_lag = *size;
             return {};
         }},
        {"synchronous.method", one_of<SyncMethod>({{"any", SyncMethod::any}, {"first", SyncMethod::first}},
                                                  [](S& s, SyncMethod method) { synchronous(s).method = method; })},
        {"synchronous.number",
         [](const std::string& text, S& settings) -> Result<> {
             const auto number = integer_between(text, 1, 32);
             if (!number) return std::unexpected(number.error());
             synchronous(settings).number = *number;
             return {};
         }},
        {"synchronous.data_durability",
         one_of<DataDurability>({{"required", DataDurability::required}, {"preferred", DataDurability::preferred}},
                                [](S& s, DataDurability it) { synchronous(s).data_durability = it; })},
        {"http.listen", checked(listen_address, [](S& s, const std::string& text) { s.http.listen = text; })},
        {"http.advertise", checked(http_url, [](S& s, const std::string& text) { s.advertise = text; })},
        {"http.token_file", http(&HttpSettings::token_file)},
        {"http.client_ca", http(&HttpSettings::client_ca)},
        {"http.cert_file", http(&HttpSettings::cert_file)},
        {"http.key_file", http(&HttpSettings::key_file)},
        {"log.format", one_of<LogFormat>({{"json", LogFormat::json}, {"text", LogFormat::text}},
                                         [](S& s, LogFormat format) { s.log.format = format; })},
        {"log.level", checked(log_level, [](S& s, const std::string& text) { s.log.level = text; })},
    };
    return keys;
}

const std::vector<std::string>& all_keys() {
    static const auto keys = [] {
        std::vector<std::string> names = {"instances", "record.etcd.endpoints"};
        for (const auto& [name, take] : scalar_keys()) names.push_back(name);
        return names;
    }();
    return keys;
}

class Reading {
public:
    Reading(ReadControllerSettings& read, const std::string& file, const EnvironmentView& environment)
        : read_(read), file_(file), environment_(environment) {}

    void error(int line, const std::string& path, std::string what, std::string hint) {
        const auto same = [&](const Finding& f) { return !path.empty() && f.key == path; };
        if (std::ranges::any_of(read_.findings, same)) return;
        read_.findings.push_back({Severity::error, file_, line, path.substr(0, 200), std::move(what), std::move(hint)});
    }

    void map(const YamlNode& node, const std::string& prefix) {
        std::set<std::string> seen;
        for (const auto& entry : node.children) {
            const auto path = prefix.empty() ? entry.key : prefix + "." + entry.key;
            lines_.emplace(path, entry.key_line);
            if (!seen.insert(entry.key).second) {
                error(entry.key_line, path, "is given twice", "keep one of them");
            } else {
                entry_at(entry, path);
            }
        }
    }

    // What one key alone cannot tell.
    void check_whole() {
        auto& s = read_.settings;
        const auto missing = [&](const std::string& key, const std::string& hint) {
            error(line_of(key), key, "is missing", hint);
        };
        if (s.cluster.empty()) missing("cluster", "the name that the instances have in their `cluster`");
        if (s.etcd.has_value() == s.kubernetes.has_value()) {
            error(line_of("record"), "record", s.etcd ? "names two engines" : "is missing",
                  "record: {etcd: {endpoints: [\"http://etcd-0:2379\"]}}, or {kubernetes: {}}");
        }
        if (s.etcd && s.etcd->endpoints.empty())
            missing("record.etcd.endpoints", "endpoints: [\"http://etcd-0:2379\"]");
        if (s.etcd && s.etcd->user.has_value() != s.etcd->password_file.has_value()) {
            error(line_of("record.etcd"), "record.etcd", "user and password_file go together", "set both, or none");
        }
        if (s.selector && s.etcd)
            error(line_of("instances"), "instances", "a selector chooses pods, and the record is not in Kubernetes",
                  "list the instances, or set record: {kubernetes: {}}");
        if (s.instances.empty() && !s.selector)
            missing("instances", "instances: [{name: pg-1, url: \"http://pg-1:8008\", conninfo: \"host=pg-1\"}]");
        const auto confirming = std::ranges::count_if(
            s.instances, [](const InstanceAddress& it) { return it.upstream.empty() && it.synchronous; });
        if (s.synchronous && !s.selector && s.synchronous->number >= confirming) {
            error(line_of("synchronous.number"), "synchronous.number",
                  "is more than there can be synchronous standbys of the primary",
                  "at most one less than there are instances without `upstream` and `synchronous: false`");
        }
        for (const auto& instance : s.instances) check_upstream(instance);
        if (lines_.contains("standby_cluster.archive") && lines_.contains("standby_cluster.primary_conninfo")) {
            error(line_of("standby_cluster.archive"), "standby_cluster.archive",
                  "there is standby_cluster.primary_conninfo too",
                  "keep one of them: a cluster streams from the other one, or replays its archive");
        }
        if (!s.http.token_file) s.http.token_file = s.token_file;
    }

private:
    void check_upstream(const InstanceAddress& instance) {
        const auto& all = read_.settings.instances;
        const auto complain = [&](const std::string& what) {
            error(line_of("instances"), "instances." + instance.name + ".upstream", what,
                  "name another instance, from which the way leads to one without `upstream`");
        };
        std::string at = instance.upstream;
        for (std::size_t steps = 0; !at.empty(); ++steps) {
            const auto found = std::ranges::find(all, at, &InstanceAddress::name);
            if (found == all.end()) return complain("names \"" + at.substr(0, 100) + "\", which is no instance here");
            if (steps == all.size()) return complain("leads in a circle");
            at = found->upstream;
        }
    }

    [[nodiscard]] int line_of(std::string path) const {
        for (;;) {
            if (const auto found = lines_.find(path); found != lines_.end()) return found->second;
            const auto dot = path.rfind('.');
            if (dot == std::string::npos) return 0;
            path.resize(dot);
        }
    }

    void entry_at(const YamlNode& node, const std::string& path) {
        if (path == "instances") return instances(node);
        if (path == "record.etcd.endpoints") return endpoints(node);
        if (const auto key = scalar_keys().find(path); key != scalar_keys().end()) {
            if (const auto text = scalar(node, path)) {
                if (auto taken = key->second(*text, read_.settings); !taken) {
                    error(node.key_line, path, taken.error().what, taken.error().hint);
                }
            }
            return;
        }
        const auto below = [&](const std::string& key) { return key.starts_with(path + "."); };
        if (!std::ranges::any_of(all_keys(), below)) return stranger(node, path);
        if (path == "record.etcd") read_.settings.etcd.emplace();
        if (path == "record.kubernetes") read_.settings.kubernetes.emplace();
        if (path == "synchronous") read_.settings.synchronous.emplace();
        if (node.type == YamlNode::Type::map) return map(node, path);
        if (node.type == YamlNode::Type::null) return;
        error(node.line, path, "must be a map, and is " + std::string(to_string(node.type)),
              "write its keys below it, indented");
    }

    void stranger(const YamlNode& node, const std::string& path) {
        const auto meant = suggest_among(path, all_keys());
        error(node.key_line, path, "is not a key of the controller's configuration",
              meant ? "did you mean " + *meant + "?" : "remove it; docs/controller.md lists every key");
    }

    std::optional<std::string> scalar(const YamlNode& node, const std::string& path) {
        const int line = node.key_line > 0 ? node.key_line : node.line;
        if (node.type != YamlNode::Type::scalar) {
            error(line, path, "must be a single value, and is " + std::string(to_string(node.type)), "");
            return std::nullopt;
        }
        auto text = substitute(node.text, environment_);
        if (text) return std::move(*text);
        error(line, path, text.error().what, text.error().hint);
        return std::nullopt;
    }

    void endpoints(const YamlNode& node) {
        const std::string path = "record.etcd.endpoints";
        if (node.type != YamlNode::Type::list)
            return error(node.line, path, "must be a list", "endpoints: [\"http://etcd-0:2379\"]");
        for (const auto& child : node.children) {
            const auto text = scalar(child, path);
            if (!text) continue;
            if (auto good = http_url(*text); !good) error(child.line, path, good.error().what, good.error().hint);
            read_.settings.etcd->endpoints.push_back(*text);
        }
    }

    void instances(const YamlNode& node) {
        if (node.type == YamlNode::Type::map) return selector(node);
        if (node.type != YamlNode::Type::list)
            return error(node.line, "instances", "must be a list",
                         "one entry for each instance; or, under Kubernetes, a map with selector, url and conninfo");
        for (const auto& child : node.children) {
            if (child.type != YamlNode::Type::map) {
                error(child.line, "instances", "an entry must be a map",
                      "{name: pg-1, url: \"http://pg-1:8008\", conninfo: \"host=pg-1\"}");
                continue;
            }
            instance(child);
        }
    }

    void selector(const YamlNode& node) {
        InstanceSelector& chosen = read_.settings.selector.emplace();
        for (const auto& entry : node.children) {
            const auto key = "instances." + entry.key;
            const auto text = scalar(entry, key);
            if (!text) continue;
            Result<> good;
            if (entry.key == "selector") {
                chosen.labels = *text;
                good = label_selector(*text);
            } else if (entry.key == "url") {
                chosen.url = *text;
                good = http_url(with_a_name(*text));
            } else if (entry.key == "conninfo") {
                chosen.conninfo = *text;
                good = check_conninfo(with_a_name(*text));
            } else {
                good = fail(FaultKind::refused, "is not known of a selector", "selector, url, conninfo");
            }
            if (!good) error(entry.key_line, key, good.error().what, good.error().hint);
        }
        for (const auto& [key, text] :
             {std::pair("selector", &chosen.labels), {"url", &chosen.url}, {"conninfo", &chosen.conninfo}}) {
            const bool lacks_pod = text != &chosen.labels && text->find("{pod}") == std::string::npos;
            if (text->empty() || lacks_pod) {
                error(node.line, std::string("instances.") + key, text->empty() ? "is missing" : "has no {pod}",
                      "instances: {selector: \"pgbosun.io/cluster=orders\", url: \"http://{pod}.orders-pods:8008\", "
                      "conninfo: \"host={pod}.orders-pods port=5432\"}");
            }
        }
    }

    void instance(const YamlNode& node) {
        InstanceAddress address;
        const std::string number = "instances[" + std::to_string(read_.settings.instances.size()) + "].";
        const auto take = [&](int line, const std::string& key, const Result<>& good) {
            if (!good) error(line, number + key, good.error().what, good.error().hint);
        };
        for (const auto& entry : node.children) {
            const auto text = scalar(entry, number + entry.key);
            if (!text) continue;
            if (entry.key == "name") {
                address.name = *text;
                take(entry.key_line, "name", cluster_name(*text));
            } else if (entry.key == "url") {
                address.url = *text;
                take(entry.key_line, "url", http_url(*text));
            } else if (entry.key == "conninfo") {
                address.conninfo = *text;
                take(entry.key_line, "conninfo", check_conninfo(*text));
            } else if (entry.key == "priority") {
                const auto priority = integer_between(*text, -1, 1000);
                take(entry.key_line, "priority", priority ? Result<>{} : std::unexpected(priority.error()));
                address.priority = priority.value_or(0);
            } else if (entry.key == "upstream") {
                address.upstream = *text;
            } else if (entry.key == "synchronous") {
                if (*text != "true" && *text != "false") {
                    error(entry.key_line, number + entry.key, "is neither true nor false",
                          "false: no commit waits for it");
                }
                address.synchronous = *text != "false";
            } else {
                error(entry.key_line, number + entry.key, "is not known of an instance",
                      "name, url, conninfo, priority, upstream, synchronous");
            }
        }
        for (const auto& [key, text] :
             {std::pair("name", &address.name), {"url", &address.url}, {"conninfo", &address.conninfo}}) {
            if (text->empty()) error(node.line, number + key, "is missing", "each instance has name, url and conninfo");
        }
        const auto& others = read_.settings.instances;
        if (std::ranges::find(others, address.name, &InstanceAddress::name) != others.end()) {
            error(node.line, number + "name", "is the name of another instance too", "each has its own");
        }
        read_.settings.instances.push_back(std::move(address));
    }

    ReadControllerSettings& read_;
    const std::string& file_;
    const EnvironmentView& environment_;
    std::map<std::string, int> lines_;
};

}  // namespace

ReadControllerSettings read_controller_settings(std::string_view yaml_text, const std::string& file,
                                                const EnvironmentView& environment) {
    ReadControllerSettings read;
    Reading reading(read, file, environment);
    const auto document = parse_yaml(yaml_text);
    if (!document) {
        reading.error(document.error().line, "", document.error().what, document.error().hint);
        return read;
    }
    if (document->type == YamlNode::Type::map) reading.map(*document, "");
    if (document->type != YamlNode::Type::map && document->type != YamlNode::Type::null) {
        reading.error(document->line, "", "the configuration must be a map of keys",
                      "write lines such as \"cluster: orders\"");
        return read;
    }
    reading.check_whole();
    std::ranges::sort(read.findings, {}, &Finding::line);
    return read;
}

}  // namespace pgbosun::app
