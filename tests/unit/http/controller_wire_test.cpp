#include "http/controller_api.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::http;

TEST_CASE("a wish is read as it was written, and nothing that is not known, or there twice, is passed over") {
    const auto wish = parse_wish(R"({"to": "pg-2", "lost": "pg-1"})");
    REQUIRE(wish);
    CHECK(wish->to == "pg-2");
    CHECK(wish->lost == "pg-1");
    CHECK(parse_wish(""));
    struct Row {
        const char* body;
        const char* why;
    };
    const Row rows[] = {
        {R"({"to": "pg-2", "to": "pg-3"})", "field \"to\": given twice"},
        {R"({"to": "pg-2", "tu": ""})", "field \"tu\": is not known here"},
        {R"({"to": 2})", "field \"to\": must be a string"},
        {R"(["pg-2"])", "the body is not a JSON object"},
        {R"({"to": "pg-2")", "the body is not JSON"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.body);
        const auto refused = parse_wish(row.body);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().what == row.why);
    }
}

TEST_CASE("the status of a controller is read as it was written") {
    ControllerStatus status;
    status.cluster = "orders";
    status.candidate = "one";
    status.record_answers = true;
    status.record_trouble = "it is gone";
    status.candidates = {"pg-2", "pg-3"};
    status.no_candidate = "it is fenced";

    const auto read = parse_controller_status(render_controller_status(status));

    REQUIRE(read);
    CHECK(read->record_answers);
    CHECK(read->record_trouble == "it is gone");
    CHECK(read->candidates == status.candidates);
    CHECK(read->no_candidate == "it is fenced");
}

TEST_CASE("how many could take over is a metric of the leader, who alone knows") {
    ControllerStatus status;
    status.candidates = {"pg-2", "pg-3"};
    const auto value = [&]() -> std::optional<double> {
        for (const auto& family : controller_metrics(status)) {
            if (family.name == "pgbosun_controller_candidates") return family.samples.at(0).value;
        }
        return std::nullopt;
    };
    CHECK_FALSE(value());
    status.leads = true;
    CHECK(value() == 2);
    status.candidates.clear();
    CHECK(value() == 0);
}
