#include "http/controller_api.hpp"

#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "unit/http/openapi_document.hpp"

using namespace pgbosun;
using Json = nlohmann::json;

namespace {

class LeadingController final : public ControllerControl {
public:
    ControllerStatus status() override {
        ControllerStatus status;
        status.leads = true;
        return status;
    }
    ControlAnswer command(ControllerRequest) override {
        ++commands;
        return {Answer::done, {}, {}};
    }
    int commands = 0;
};

http::Response answered(LeadingController& control, http::Method method, const std::string& target,
                        const std::string& body = {}) {
    http::ControllerApi api(control, [](std::string_view conninfo) -> Result<> {
        if (conninfo.find("password") == std::string_view::npos) return {};
        return fail(FaultKind::refused, "it holds a password", "name a file");
    });
    http::Request request;
    request.method = method;
    request.target = target;
    request.body = body;
    http::Response response;
    api.answer(request, http::UnixPeer{0}, http::Entrance::api, {}, response);
    return response;
}

}  // namespace

TEST_CASE("a wrong request to a controller is named, has a hint and does nothing") {
    struct Row {
        http::Method method;
        std::string target, body;
        int status;
        std::string detail, hint;
    };
    LeadingController control;
    for (const auto& row :
         {Row{http::Method::get, "/v1/pause", "", 405, "POST", "ask with POST"},
          Row{http::Method::post, "/v1/status", "", 405, "GET, HEAD", "ask with GET, HEAD"},
          Row{http::Method::post, "/v1/nothing", "", 404, "nothing", "docs"},
          Row{http::Method::post, "/v1/switchover", "x", 400, "not JSON", "{\"to\": \"pg-2\"}"},
          Row{http::Method::post, "/v1/switchover", R"({"two": "pg-2"})", 400, "field \"two\"", "it takes to"},
          Row{http::Method::post, "/v1/switchover", R"({"to": 2})", 400, "field \"to\"", "quotation marks"},
          Row{http::Method::post, "/v1/demote-cluster", R"({"source": "host=b password=x"})", 400,
              "field \"source\": it holds a password", "name a file"}}) {
        CAPTURE(row.target, row.body);
        const auto response = answered(control, row.method, row.target, row.body);
        CHECK(response.status == row.status);
        const auto problem = Json::parse(response.body);
        CHECK(problem["detail"].get<std::string>().find(row.detail) != std::string::npos);
        CHECK(problem.value("hint", "").find(row.hint) != std::string::npos);
    }
    CHECK(control.commands == 0);
    CHECK(answered(control, http::Method::post, "/v1/switchover", R"({"to": "pg-2"})").status == 200);
    for (const std::string source : {"host=b", "@archive"}) {
        CHECK(answered(control, http::Method::post, "/v1/demote-cluster", "{\"source\": \"" + source + "\"}").status ==
              200);
    }
}

TEST_CASE("openapi-controller.yaml names paths and methods that are served, and the properties that are rendered") {
    const YAML::Node document = YAML::LoadFile(PGBOSUN_DOCS "/openapi-controller.yaml");
    std::set<std::string> promised;
    LeadingController control;
    for (const auto& path : document["paths"]) {
        for (const auto& operation : test::followed(document, path.second)) {
            const auto method = operation.first.as<std::string>();
            promised.insert(method + " " + path.first.as<std::string>());
            CAPTURE(method, path.first.as<std::string>());
            const auto asked = method == "post" ? http::Method::post : http::Method::get;
            CHECK(answered(control, asked, path.first.as<std::string>()).status == 200);
        }
    }
    CHECK(promised == std::set<std::string>{"get /livez", "get /healthz", "get /liveness", "get /readyz",
                                            "get /readiness", "get /metrics", "get /v1/status", "post /v1/switchover",
                                            "post /v1/failover", "post /v1/pause", "post /v1/resume",
                                            "post /v1/demote-cluster", "post /v1/promote-cluster"});
    ControllerStatus status;
    status.instances.push_back({});
    test::compare(document, Json::parse(http::render_controller_status(status)),
                  document["components"]["schemas"]["Status"], "Status");
}
