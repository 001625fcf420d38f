#include "app/yaml_document.hpp"

#include "containing.hpp"
#include "support/catch.hpp"

using namespace pgbosun::app;

namespace {

std::string problem_of(const std::string& text) {
    const auto document = parse_yaml(text);
    return document ? "" : std::to_string(document.error().line) + ": " + document.error().what;
}

}  // namespace

TEST_CASE("a document keeps its order and its lines") {
    const auto document = parse_yaml("a: 1\n\nb:\n  - x\n  - {c: d}\na: ~\n");

    REQUIRE(document);
    REQUIRE(document->children.size() == 3);
    CHECK(document->children[0].key == "a");
    CHECK(document->children[1].key_line == 3);
    CHECK(document->children[1].children[1].line == 5);
    CHECK(document->children[1].children[1].children[0].text == "d");
    CHECK(document->children[2].type == YamlNode::Type::null);
    CHECK(document->children[2].key_line == 6);
}

TEST_CASE("an empty document is nothing") {
    CHECK(parse_yaml("")->type == YamlNode::Type::null);
    CHECK(parse_yaml("# only a remark\n")->type == YamlNode::Type::null);
}

TEST_CASE("what could grow without limit is refused") {
    CHECK(problem_of("a: &x [1]\nb: *x\n") == "2: an alias (*name) is not supported");
    CHECK(problem_of(std::string(32, '[') + std::string(32, ']')).empty());
    CHECK(problem_of(std::string(33, '[') + std::string(33, ']')) == "1: values are nested more than 32 deep");
    CHECK(problem_of(std::string(100'000, '[')) == "1: values are nested more than 32 deep");
    CHECK(problem_of(std::string(1024 * 1024 + 1, ' ')) == "0: the file is larger than 1 MiB");
    std::string many = "[";
    for (int i = 0; i < 20'000; ++i) many += "1,";
    CHECK(problem_of(many + "]") == "1: the document has more than 20,000 values");
}

TEST_CASE("what is not one map of plain keys is refused") {
    CHECK(problem_of("a: 1\n---\nb: 2\n") == "3: a second document begins here");
    CHECK(problem_of("? [a]\n: b\n") == "1: a key must be a plain word");
    CHECK(problem_of(std::string("a: \0b\n", 6)) == "0: the file holds a NUL byte");
    for (const auto* text : {"a: 'b\n", "a: 'b", "a: \"b\nc: d\n", "a:\n  - 'x\n  - y\n", "a: [1\n", "a: b: c\n"}) {
        CAPTURE(text);
        CHECK_THAT(problem_of(text), pgbosun::app::test::containing("not valid YAML"));
    }
}

TEST_CASE("a text over many lines keeps its last newline") {
    CHECK(parse_yaml("a: |\n  b\n  c\n")->children[0].text == "b\nc\n");
    CHECK(parse_yaml("a: >-\n  b\n  c\n")->children[0].text == "b c");
}
