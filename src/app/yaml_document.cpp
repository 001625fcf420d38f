#include "app/yaml_document.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <optional>
#include <sstream>
#include <utility>

namespace pgbosun::app {
namespace {

// yaml-cpp takes a quoted text that is never closed as if it were, when the file ends in a newline: the rest
// of the file would silently become part of one value. After a comment without one it refuses it.
constexpr auto last_line = "\n#";

// Travels through yaml-cpp, which knows no other way to stop.
struct Stop {
    YamlProblem problem;
};

class TreeBuilder : public YAML::EventHandler {
public:
    YamlNode take() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { leaf(mark, YamlNode::Type::null, {}); }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        throw Stop{{mark.line + 1, "an alias (*name) is not supported", "write the value out"}};
    }
    void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t, const std::string& value) override {
        leaf(mark, YamlNode::Type::scalar, value);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                         YAML::EmitterStyle::value) override {
        open(mark, YamlNode::Type::list);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
        open(mark, YamlNode::Type::map);
    }
    void OnMapEnd() override { close(); }

private:
    struct Open {
        YamlNode node;
        std::optional<YamlNode> key;
    };

    void count(const YAML::Mark& mark) {
        if (++nodes_ > most_nodes) throw Stop{{mark.line + 1, "the document has more than 20,000 values", ""}};
    }

    void leaf(const YAML::Mark& mark, YamlNode::Type type, const std::string& text) {
        count(mark);
        YamlNode node;
        node.type = type;
        node.line = mark.line + 1;
        node.text = text;
        attach(std::move(node));
    }

    void open(const YAML::Mark& mark, YamlNode::Type type) {
        count(mark);
        if (open_.size() == deepest_document) {
            throw Stop{{mark.line + 1, "values are nested more than 32 deep", ""}};
        }
        YamlNode node;
        node.type = type;
        node.line = mark.line + 1;
        open_.push_back({std::move(node), std::nullopt});
    }

    void close() {
        YamlNode node = std::move(open_.back().node);
        open_.pop_back();
        attach(std::move(node));
    }

    void attach(YamlNode node) {
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        Open& parent = open_.back();
        if (parent.node.type == YamlNode::Type::list) {
            parent.node.children.push_back(std::move(node));
        } else if (!parent.key) {
            if (node.type != YamlNode::Type::scalar) {
                throw Stop{{node.line, "a key must be a plain word", "write \"key: value\""}};
            }
            parent.key = std::move(node);
        } else {
            node.key = std::move(parent.key->text);
            node.key_line = parent.key->line;
            parent.key.reset();
            parent.node.children.push_back(std::move(node));
        }
    }

    YamlNode root_;
    std::vector<Open> open_;
    std::size_t nodes_ = 0;
};

}  // namespace

std::string_view to_string(YamlNode::Type type) {
    switch (type) {
        case YamlNode::Type::null: return "nothing";
        case YamlNode::Type::scalar: return "a single value";
        case YamlNode::Type::list: return "a list";
        case YamlNode::Type::map: return "a map";
    }
    std::unreachable();
}

std::expected<YamlNode, YamlProblem> parse_yaml(std::string_view text) {
    if (text.size() > longest_document) return std::unexpected(YamlProblem{0, "the file is larger than 1 MiB", ""});
    if (text.find('\0') != std::string_view::npos) {
        return std::unexpected(YamlProblem{0, "the file holds a NUL byte", "save it as UTF-8 text"});
    }
    try {
        std::istringstream stream{std::string(text) + last_line};
        YAML::Parser parser(stream);
        TreeBuilder builder;
        if (!parser.HandleNextDocument(builder)) return YamlNode{};
        YamlNode root = builder.take();
        TreeBuilder second;
        if (parser.HandleNextDocument(second)) {
            return std::unexpected(YamlProblem{second.take().line, "a second document begins here",
                                               "keep one document in the file: remove the line \"---\""});
        }
        return root;
    } catch (const Stop& stop) {
        return std::unexpected(stop.problem);
    } catch (const YAML::Exception& problem) {
        const bool open_quote = problem.msg == YAML::ErrorMsg::EOF_IN_SCALAR;
        const auto hint = open_quote ? "a quote is opened, perhaps far above, and never closed"
                                     : "look at the indentation, the quotes and the colons around this line";
        return std::unexpected(
            YamlProblem{problem.mark.is_null() ? 0 : problem.mark.line + 1, "not valid YAML: " + problem.msg, hint});
    }
}

}  // namespace pgbosun::app
