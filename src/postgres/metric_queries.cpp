#include "postgres/metric_queries.hpp"

#include <fnmatch.h>
#include <yaml-cpp/yaml.h>

#include <array>
#include <set>

namespace pgbosun::postgres {
namespace {

constexpr std::size_t most_queries = 500;
constexpr std::size_t most_columns = 200;
constexpr std::size_t most_mappings = 1000;
constexpr std::int64_t longest_cache_s = 7 * 24 * 3600;

struct UsageName {
    std::string_view name;
    ColumnUsage usage;
};
constexpr std::array usages{
    UsageName{"LABEL", ColumnUsage::label},       UsageName{"COUNTER", ColumnUsage::counter},
    UsageName{"GAUGE", ColumnUsage::gauge},       UsageName{"MAPPEDMETRIC", ColumnUsage::mapped},
    UsageName{"DURATION", ColumnUsage::duration}, UsageName{"HISTOGRAM", ColumnUsage::histogram},
    UsageName{"DISCARD", ColumnUsage::discard},
};

QueryFinding finding_at(const YAML::Mark& mark, std::string what, std::string hint) {
    return {.line = mark.line < 0 ? 1 : mark.line + 1, .what = std::move(what), .hint = std::move(hint)};
}

// Caught in read_metric_queries, the one way out of the walk over the nodes.
[[noreturn]] void wrong(const YAML::Node& node, std::string what, std::string hint = {}) {
    throw finding_at(node.Mark(), std::move(what), std::move(hint));
}

std::string text_of(const YAML::Node& node, std::string_view key) {
    if (!node.IsScalar()) wrong(node, std::string(key) + " must be a text");
    return node.Scalar();
}

bool truth_of(const YAML::Node& node, std::string_view key) {
    const std::string text = text_of(node, key);
    if (text == "true" || text == "yes" || text == "on") return true;
    if (text == "false" || text == "no" || text == "off") return false;
    wrong(node, std::string(key) + " must be true or false");
}

VersionRange range_of(const YAML::Node& node, std::string_view key) {
    const auto range = VersionRange::parse(text_of(node, key));
    if (!range) wrong(node, std::string(key) + " is not a version range", "write it as \">=16.0.0 <18.0.0\"");
    return *range;
}

bool metric_word(std::string_view text) {
    if (text.empty() || text.size() > 200) return false;
    for (const char c : text)
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) return false;
    return true;
}

std::map<std::string, double> mapping_of(const YAML::Node& node) {
    if (!node.IsMap() || node.size() > most_mappings) wrong(node, "metric_mapping must map texts to numbers");
    std::map<std::string, double> mapping;
    for (const auto& entry : node) {
        double value = 0;
        if (!YAML::convert<double>::decode(entry.second, value)) wrong(entry.second, "metric_mapping needs a number");
        mapping[text_of(entry.first, "metric_mapping's text")] = value;
    }
    return mapping;
}

MetricColumn column_of(const std::string& column, const YAML::Node& node) {
    if (!node.IsMap()) wrong(node, "column " + column + " needs usage and description");
    MetricColumn result{.column = column, .name = column};
    bool has_usage = false;
    for (const auto& entry : node) {
        const std::string key = text_of(entry.first, "a key");
        if (key == "usage") {
            const std::string name = text_of(entry.second, key);
            for (const UsageName& usage : usages) {
                if (usage.name != name) continue;
                result.usage = usage.usage;
                has_usage = true;
            }
            if (!has_usage)
                wrong(entry.second, "\"" + name + "\" is not a usage",
                      "use LABEL, COUNTER, GAUGE, MAPPEDMETRIC, DURATION, HISTOGRAM or DISCARD");
        } else if (key == "description") {
            result.help = text_of(entry.second, key);
        } else if (key == "name") {
            result.name = text_of(entry.second, key);
        } else if (key == "metric_mapping" || key == "metrics_mapping") {
            result.mapping = mapping_of(entry.second);
        } else if (key == "pg_version") {
            result.versions = range_of(entry.second, key);
        } else {
            wrong(entry.first, "a column has no key \"" + key + "\"",
                  "known are usage, description, metric_mapping, pg_version and name");
        }
    }
    if (!has_usage) wrong(node, "column " + column + " has no usage");
    if (!metric_word(result.name)) wrong(node, "\"" + result.name + "\" cannot be part of a metric's name");
    if (result.usage == ColumnUsage::mapped && result.mapping.empty())
        wrong(node, "column " + column + " has usage MAPPEDMETRIC but no metric_mapping");
    return result;
}

std::vector<MetricColumn> columns_of(const YAML::Node& node) {
    if (!node.IsSequence() || node.size() > most_columns) wrong(node, "metrics must be a list of columns");
    std::vector<MetricColumn> columns;
    for (const auto& item : node) {
        if (!item.IsMap()) wrong(item, "an entry of metrics must be <column>: {usage, description}");
        for (const auto& entry : item) columns.push_back(column_of(text_of(entry.first, "a column"), entry.second));
    }
    return columns;
}

std::vector<std::string> databases_of(const YAML::Node& node) {
    if (!node.IsSequence() || node.size() > most_columns) wrong(node, "target_databases must be a list of names");
    std::vector<std::string> names;
    for (const auto& item : node) names.push_back(text_of(item, "a database's name"));
    return names;
}

Duration cache_of(const YAML::Node& node) {
    std::int64_t seconds = 0;
    if (!YAML::convert<std::int64_t>::decode(node, seconds) || seconds < 0 || seconds > longest_cache_s)
        wrong(node, "cache_seconds must be a whole number of seconds, at most a week");
    return std::chrono::seconds(seconds);
}

void set_key(MetricQuery& query, const std::string& key, const YAML::Node& where, const YAML::Node& value) {
    if (key == "query") {
        query.query = text_of(value, key);
    } else if (key == "predicate_query") {
        query.predicate = text_of(value, key);
    } else if (key == "name") {
        query.name = text_of(value, key);
    } else if (key == "primary" || key == "master") {
        if (truth_of(value, key)) query.runs_on = RunsOn::primary;
    } else if (key == "cache_seconds") {
        query.cache = cache_of(value);
    } else if (key == "runonserver") {
        query.versions = range_of(value, key);
    } else if (key == "target_databases") {
        query.databases = databases_of(value);
    } else if (key == "metrics") {
        query.columns = columns_of(value);
    } else {
        wrong(where, "a query has no key \"" + key + "\"",
              "known are query, predicate_query, metrics, primary, master, cache_seconds, runonserver, "
              "target_databases and name");
    }
}

MetricQuery query_of(const std::string& key, const YAML::Node& node) {
    if (!node.IsMap()) wrong(node, key + " needs query and metrics");
    MetricQuery query{.key = key, .name = key};
    for (const auto& entry : node) set_key(query, text_of(entry.first, "a key"), entry.first, entry.second);
    if (query.query.find_first_not_of(" \t\n") == std::string::npos) wrong(node, key + " has no query");
    if (query.query.find('\0') != std::string::npos || query.predicate.find('\0') != std::string::npos)
        wrong(node, key + " holds a NUL byte");
    if (query.columns.empty()) wrong(node, key + " has no metrics", "list the columns of its answer under metrics");
    if (!metric_word(query.name))
        wrong(node, "\"" + query.name + "\" cannot be part of a metric's name", "letters, digits and underscores");
    return query;
}

void add_query(QueriesRead& read, std::set<std::string>& seen, const YAML::Node& name, const YAML::Node& node) {
    try {
        const std::string key = text_of(name, "a name");
        if (!seen.insert(key).second) wrong(name, key + " is there twice", "each query needs a name of its own");
        read.queries.push_back(query_of(key, node));
        read.queries.back().line = name.Mark().line + 1;
    } catch (const QueryFinding& finding) {
        read.findings.push_back(finding);
    }
}

}  // namespace

bool is_pattern(std::string_view text) { return text.find_first_of("*?[]") != std::string_view::npos; }

bool matches_database(std::string_view pattern, const std::string& database) {
    if (!is_pattern(pattern)) return pattern == database;
    return fnmatch(std::string(pattern).c_str(), database.c_str(), 0) == 0;
}

QueriesRead read_metric_queries(std::string_view yaml) {
    if (yaml.size() > longest_query_file) return {.findings = {{1, "the file is longer than 256 KiB", "split it"}}};
    QueriesRead read;
    try {
        const YAML::Node root = YAML::Load(std::string(yaml));
        if (root.IsNull()) return read;
        if (!root.IsMap() || root.size() > most_queries) wrong(root, "the file must map names to queries, at most 500");
        std::set<std::string> seen;
        for (const auto& entry : root) add_query(read, seen, entry.first, entry.second);
    } catch (const QueryFinding& finding) {
        read.findings.push_back(finding);
    } catch (const YAML::Exception& error) {
        read.findings.push_back(finding_at(error.mark, error.msg, "the file is not valid YAML"));
    }
    return read;
}

Result<std::vector<MetricQuery>> parse_metric_queries(std::string_view yaml, std::string_view file) {
    auto read = read_metric_queries(yaml);
    if (read.findings.empty()) return std::move(read.queries);
    QueryFinding& first = read.findings.front();
    return fail(FaultKind::refused, std::string(file) + ":" + std::to_string(first.line) + ": " + first.what,
                std::move(first.hint));
}

}  // namespace pgbosun::postgres
