#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "app/unknown_command.hpp"
#include "containing.hpp"
#include "support/catch.hpp"

using namespace pgbosun::app;
using test::containing;

namespace {

// Of `backup delete`, which reads the archive.
std::string refusal_of(std::vector<std::string> reversed) {
    CLI::App line("", "pgbosun backup delete");
    std::string config, id;
    line.add_option("--config", config);
    line.add_option("ID", id)->required();
    try {
        line.parse(std::move(reversed));
    } catch (const CLI::ParseError& problem) {
        return explain_refused_archive_line(line, problem);
    }
    return "taken";
}

}  // namespace

TEST_CASE("a command that reads the archive says that it asks no instance") {
    CHECK(refusal_of({"/c", "--config", "latest"}) == "taken");
    CHECK_THAT(refusal_of({"/x.sock", "--socket", "latest"}), containing("takes --config FILE, not --socket"));
    CHECK_THAT(refusal_of({"--url=http://pg-1:8008", "latest"}), containing("takes --config FILE, not --url"));
    CHECK_THAT(refusal_of({"/x.sock", "--socket"}), containing("not --socket"));
    CHECK(refusal_of({"fast", "--how", "latest"}) == "this command does not take --how fast");
    CHECK_THAT(refusal_of({}), containing("ID is required"));
}
