#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "app/settings_keys.hpp"
#include "app/settings_reader.hpp"
#include "environment.hpp"
#include "support/catch.hpp"

using namespace pgbosun::app;

namespace {

struct Row {
    std::string fallback;  // the cell, with its quotes
    std::string example;
};

std::string trimmed(std::string cell) {
    cell.erase(0, cell.find_first_not_of(' '));
    cell.erase(cell.find_last_not_of(' ') + 1);
    return cell;
}

std::string unquoted(const std::string& cell) {
    const bool quoted = cell.size() > 1 && cell.front() == '`' && cell.back() == '`';
    return quoted ? cell.substr(1, cell.size() - 2) : "";
}

// The rows "| `key` | meaning | default | example |" of docs/configuration.md.
std::map<std::string, Row> documented() {
    std::ifstream file(PGBOSUN_SOURCE_ROOT "/docs/configuration.md");
    REQUIRE(file);
    std::map<std::string, Row> rows;
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with("| `")) continue;
        std::vector<std::string> cells;
        std::istringstream parts(line.substr(1));
        for (std::string cell; std::getline(parts, cell, '|');) cells.push_back(trimmed(cell));
        CAPTURE(line);
        REQUIRE(cells.size() == 4);
        CHECK_FALSE(cells[1].empty());
        CHECK(rows.emplace(unquoted(cells[0]), Row{cells[2], cells[3]}).second);
    }
    return rows;
}

// "a.b.c" and "1" as nested YAML.
std::string as_yaml(const std::string& path, const std::string& value) {
    std::string yaml, indent;
    std::istringstream parts(path);
    for (std::string part; std::getline(parts, part, '.');) {
        if (!yaml.empty()) yaml += ":\n";
        yaml += indent + part;
        indent += "  ";
    }
    return yaml + ": " + value + "\n";
}

}  // namespace

TEST_CASE("every key is documented") {
    const auto rows = documented();
    for (const auto& key : settings_keys()) {
        CAPTURE(key.path);
        // Described together: they are keys of `archive`.
        const std::string_view source = "bootstrap.recovery.source.";
        const auto path = key.path.starts_with(source) ? "archive." + key.path.substr(source.size()) : key.path;
        CHECK(rows.contains(path));
    }
}

TEST_CASE("every documented key exists, and its example is taken") {
    for (const auto& [path, row] : documented()) {
        CAPTURE(path, row.example);
        CHECK(std::ranges::any_of(settings_keys(), [&](const Key& key) { return key.path == path; }));
        REQUIRE_FALSE(unquoted(row.example).empty());
        const auto read = read_settings(as_yaml(path, unquoted(row.example)), "doc", test::environment());
        for (const auto& finding : read.findings) {
            CAPTURE(to_text(finding));
            const bool about_it = finding.key == path || finding.key.starts_with(path + ".");
            const bool about_others = finding.what.find("client certificates need TLS") != std::string::npos ||
                                      finding.what.find("needs an archive") != std::string::npos ||
                                      finding.what.find("means nothing without") != std::string::npos ||
                                      finding.what.find("is for s3:// alone") != std::string::npos;
            CHECK((!about_it || about_others || finding.severity == Severity::warning));
        }
    }
}

TEST_CASE("every documented default is the default") {
    const auto rows = documented();
    auto read = read_settings("volume: /data\n", "doc", test::environment());
    for (const auto& section : optional_sections()) section.open(read.settings);
    for (const auto& key : settings_keys()) {
        CAPTURE(key.path);
        if (!rows.contains(key.path) || key.path == "volume" || key.path == "instance") continue;
        const auto items = key.show(read.settings);
        CHECK(unquoted(rows.at(key.path).fallback) == (items.empty() ? "" : items.front().text));
    }
}

TEST_CASE("the whole file of the documentation is usable") {
    std::ifstream file(PGBOSUN_SOURCE_ROOT "/docs/configuration.md");
    std::stringstream content;
    content << file.rdbuf();
    const auto text = content.str();
    const auto begin = text.find("```yaml\n");
    REQUIRE(begin != std::string::npos);
    const auto yaml = text.substr(begin + 8, text.find("```", begin + 8) - begin - 8);

    const auto read = read_settings(yaml, "doc", test::environment());

    for (const auto& finding : read.findings) UNSCOPED_INFO(to_text(finding));
    CHECK(read.findings.empty());
}
