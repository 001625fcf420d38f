// docs/openapi.yaml is a promise; here it is held against the routes and against what is really rendered.
#include <yaml-cpp/yaml.h>

#include <cctype>
#include <nlohmann/json.hpp>
#include <set>

#include "http/backup_wire.hpp"
#include "http/routes.hpp"
#include "http/wire.hpp"
#include "support/catch.hpp"
#include "unit/http/openapi_document.hpp"
#include "unit/http/status_of.hpp"

using namespace pgbosun;
using namespace pgbosun::http;
using Json = nlohmann::json;

namespace {

YAML::Node document() {
    static const YAML::Node loaded = YAML::LoadFile(PGBOSUN_DOCS "/openapi.yaml");
    return loaded;
}

std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

YAML::Node schema(const std::string& name) { return document()["components"]["schemas"][name]; }

void compare(const Json& json, const std::string& name) { test::compare(document(), json, schema(name), name); }

}  // namespace

TEST_CASE("openapi.yaml names exactly the paths and methods that are served") {
    std::set<std::string> served, promised;
    for (const Route& route : routes()) {
        for (const Method method :
             {Method::get, Method::head, Method::options, Method::post, Method::put, Method::patch, Method::delete_}) {
            if (route.methods.has(method))
                served.insert(lower(std::string(to_string(method))) + " " + std::string(route.path));
        }
    }
    for (const auto& path : document()["paths"]) {
        for (const auto& operation : path.second) {
            promised.insert(operation.first.as<std::string>() + " " + path.first.as<std::string>());
        }
    }
    CHECK(served == promised);
}

TEST_CASE("openapi.yaml asks for credentials exactly where the server does") {
    for (const Route& route : routes()) {
        CAPTURE(route.path);
        const auto path = document()["paths"][std::string(route.path)];
        for (const Method method : {Method::get, Method::head, Method::options, Method::post, Method::delete_}) {
            if (!route.methods.has(method)) continue;
            const auto operation = path[lower(std::string(to_string(method)))];
            CHECK(operation["security"].IsDefined() == (route.access == Access::control));
        }
    }
}

TEST_CASE("openapi.yaml has the properties that are rendered") {
    compare(Json::parse(render_status(test::full_status())), "Status");
    compare(Json::parse(render_problem({409, "d", "h", {}})), "Problem");
    const JournalEntry entry{1, {}, "phase", "what", {{"a", "b"}}};
    compare(Json::parse(render_journal({entry}, 1)), "Journal");
    CatalogSummary catalog;
    catalog.backups = {CatalogEntry{}};
    compare(Json::parse(render_backups(&catalog, test::full_status())), "Backups");
    compare(Json::parse(render_backup(CatalogEntry{})), "Backup");
    compare(Json::parse(render_job_answer({})), "Job");
    compare(Json::parse(render_event(entry, Phase::running, Role::primary)), "Event");
    InstanceStatus busy = test::full_status();
    busy.backup.running.emplace();
    const Json progress = Json::parse(render_progress(busy));
    compare(progress, "Progress");
    compare(progress["backup"], "JobProgress");
}

TEST_CASE("openapi.yaml has every phase and role") {
    std::set<std::string> phases;
    for (const auto& name : schema("Status")["properties"]["phase"]["enum"]) phases.insert(name.as<std::string>());
    for (int i = 0; i <= static_cast<int>(Phase::failed); ++i) {
        CHECK(phases.contains(std::string(to_string(static_cast<Phase>(i)))));
    }
    CHECK(phases.size() == static_cast<std::size_t>(Phase::failed) + 1);
}
