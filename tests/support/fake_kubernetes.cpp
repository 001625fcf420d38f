#include "support/fake_kubernetes.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <array>
#include <sstream>

#include "http/query.hpp"
#include "http/request_reader.hpp"

namespace pgbosun::test {
namespace {

namespace asio = boost::asio;
constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);

std::string version_in(const nlohmann::json& object) {
    const auto metadata = object.find("metadata");
    if (metadata == object.end() || !metadata->contains("resourceVersion")) return {};
    return (*metadata)["resourceVersion"].get<std::string>();
}

// "a=b,c=d"
bool has_labels(const nlohmann::json& object, const std::string& selector) {
    std::istringstream words(selector);
    for (std::string word; std::getline(words, word, ',');) {
        const auto name = word.substr(0, word.find('='));
        const auto& labels = object["metadata"].value("labels", nlohmann::json::object());
        if (labels.value(name, std::string()) != word.substr(name.size() + 1)) return false;
    }
    return true;
}

std::string chunk(const std::string& text) {
    std::array<char, 20> size{};
    std::snprintf(size.data(), size.size(), "%zx\r\n", text.size());
    return size.data() + text + "\r\n";
}

}  // namespace

FakeKubernetes::FakeKubernetes(asio::io_context& loop)
    : loop_(loop), acceptor_(loop, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    asio::co_spawn(loop_, accept(), asio::detached);
}

std::string FakeKubernetes::url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
}

void FakeKubernetes::forget_history() {
    history_.clear();
    oldest_ = ++version_;
}

void FakeKubernetes::plant(const std::string& kind, const std::string& name, Json object) {
    object["metadata"]["name"] = name;
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    objects_[{kind, name}] = object;
    note("MODIFIED", kind, object);
}

void FakeKubernetes::remove(const std::string& kind, const std::string& name) {
    Json object = objects_.at({kind, name});
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    objects_.erase({kind, name});
    note("DELETED", kind, object);
}

FakeKubernetes::Json FakeKubernetes::object(const std::string& kind, const std::string& name) const {
    const auto found = objects_.find({kind, name});
    return found == objects_.end() ? Json() : found->second;
}

std::vector<FakeKubernetes::Json> FakeKubernetes::all(const std::string& kind) const {
    std::vector<Json> found;
    for (const auto& [key, object] : objects_) {
        if (key.first == kind) found.push_back(object);
    }
    return found;
}

void FakeKubernetes::note(const std::string& type, const std::string& kind, const Json& object) {
    history_.push_back({version_, kind, type, object});
    for (auto& timer : watching_) timer.cancel();
}

std::pair<int, FakeKubernetes::Json> FakeKubernetes::status(int code, const std::string& reason) {
    return {code, {{"kind", "Status"}, {"status", "Failure"}, {"reason", reason}, {"message", reason}, {"code", code}}};
}

// "/apis/coordination.k8s.io/v1/namespaces/data/leases/name?query"
std::optional<FakeKubernetes::Place> FakeKubernetes::place_of(const std::string& target) {
    const auto parts = http::split_target(target);
    const auto path = std::string(parts.path);
    const bool lease = path.starts_with("/apis/coordination.k8s.io/v1/namespaces/data/leases");
    const std::string root = lease ? "/apis/coordination.k8s.io/v1/namespaces/data/" : "/api/v1/namespaces/data/";
    if (!path.starts_with(root)) return std::nullopt;
    const auto rest = path.substr(root.size());
    Place place;
    place.kind = rest.substr(0, rest.find('/'));
    if (rest.find('/') != std::string::npos) place.name = rest.substr(rest.find('/') + 1);
    if ((place.kind == "leases") != lease) return std::nullopt;
    const auto query = http::Query::parse(parts.query);
    if (!query) return std::nullopt;
    for (const auto* name : {"watch", "resourceVersion", "fieldSelector", "labelSelector", "timeoutSeconds"}) {
        if (const auto value = query->value(name)) place.query[name] = *value;
    }
    return place;
}

std::pair<int, FakeKubernetes::Json> FakeKubernetes::list(const Place& place) const {
    Json items = Json::array();
    const auto selector = place.query.find("fieldSelector");
    const auto labels = place.query.find("labelSelector");
    for (const auto& object : all(place.kind)) {
        const auto name = object["metadata"]["name"].get<std::string>();
        const bool named = selector == place.query.end() || selector->second == "metadata.name=" + name;
        if (named && (labels == place.query.end() || has_labels(object, labels->second))) items.push_back(object);
    }
    return {200, {{"kind", "List"}, {"metadata", {{"resourceVersion", std::to_string(version_)}}}, {"items", items}}};
}

std::pair<int, FakeKubernetes::Json> FakeKubernetes::store(const Place& place, Json object) {
    const bool created = place.name.empty();
    if (created && !object["metadata"].contains("name")) {
        object["metadata"]["name"] = object["metadata"]["generateName"].get<std::string>() + std::to_string(version_);
    }
    const auto name = object["metadata"]["name"].get<std::string>();
    const Json before = this->object(place.kind, name);
    if (created && !before.is_null()) return status(409, "AlreadyExists");
    if (!created && before.is_null()) return status(404, "NotFound");
    if (!created && !version_in(object).empty() && version_in(object) != version_in(before))
        return status(409, "Conflict");
    // What changes nothing keeps its version.
    if (!created) object["metadata"]["resourceVersion"] = version_in(before);
    if (object == before) return {200, before};
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    objects_[{place.kind, name}] = object;
    note(created ? "ADDED" : "MODIFIED", place.kind, object);
    return {created ? 201 : 200, object};
}

std::pair<int, FakeKubernetes::Json> FakeKubernetes::carry_out(const http::Request& request, const Place& place) {
    if (request.method == http::Method::get && place.name.empty()) return list(place);
    if (request.method == http::Method::get) {
        const Json found = object(place.kind, place.name);
        return found.is_null() ? status(404, "NotFound") : std::pair(200, found);
    }
    const Json sent = Json::parse(request.body, nullptr, false);
    if (!sent.is_object() || !sent.contains("metadata")) return status(400, "BadRequest");
    if (request.method == http::Method::patch) {
        Json merged = object(place.kind, place.name);
        if (merged.is_null()) return status(404, "NotFound");
        merged.merge_patch(sent);
        return store(place, merged);
    }
    return store(place, sent);
}

Task<> FakeKubernetes::stream(Socket& socket, Place place) {
    auto from = std::stoll(place.query["resourceVersion"]);
    std::string out = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::stoll(place.query["timeoutSeconds"]));
    if (from < oldest_) {
        const Json error = {{"type", "ERROR"}, {"object", status(410, "Expired").second}};
        out += chunk(error.dump() + "\n");
    }
    while (from >= oldest_ && std::chrono::steady_clock::now() < end) {
        for (const auto& event : history_) {
            if (event.version <= from || event.kind != place.kind) continue;
            const auto name = event.object["metadata"]["name"].get<std::string>();
            if (place.query["fieldSelector"] != "metadata.name=" + name) continue;
            const Json line = {{"type", event.type}, {"object", event.object}};
            out += chunk(line.dump() + "\n");
        }
        from = version_;
        const auto [error, count] = co_await asio::async_write(socket, asio::buffer(out), no_throw);
        out.clear();
        if (error) co_return;
        auto& timer = watching_.emplace_back(loop_);
        const auto at = std::prev(watching_.end());
        timer.expires_at(end);
        co_await timer.async_wait(no_throw);
        watching_.erase(at);
    }
    out += "0\r\n\r\n";
    co_await asio::async_write(socket, asio::buffer(out), no_throw);
}

Task<> FakeKubernetes::serve(Socket socket) {
    http::Limits limits;
    limits.body_bytes = std::size_t{1} << 20U;
    http::RequestReader reader(limits);
    std::string pending;
    std::array<char, 4096> buffer{};
    while (reader.state() != http::RequestReader::State::done) {
        const auto [error, count] = co_await socket.async_read_some(asio::buffer(buffer), no_throw);
        if (error) co_return;
        pending.append(buffer.data(), count);
        pending.erase(0, reader.feed(pending));
        if (reader.state() == http::RequestReader::State::failed) co_return;
    }
    ++requests_;
    const http::Request& request = reader.request();
    auto place = place_of(request.target);
    std::pair<int, Json> answer = status(404, "NotFound");
    const bool change = request.method != http::Method::get;
    if (fail_next_ != 0) {
        answer = status(std::exchange(fail_next_, 0), "told by the test");
    } else if (!token_.empty() && request.authorization != "Bearer " + token_) {
        answer = status(401, "Unauthorized");
    } else if (place && place->query.contains("watch")) {
        co_await stream(socket, std::move(*place));
        co_return;
    } else if (place) {
        answer = carry_out(request, *place);
    }
    if (change && std::exchange(lose_next_answer_, false)) co_return;
    const std::string body = answer.second.dump();
    const std::string out = "HTTP/1.1 " + std::to_string(answer.first) + " X\r\nContent-Type: application/json\r\n" +
                            "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    co_await asio::async_write(socket, asio::buffer(out), no_throw);
}

Task<> FakeKubernetes::accept() {
    for (;;) {
        auto [error, socket] = co_await acceptor_.async_accept(no_throw);
        if (error) co_return;
        asio::co_spawn(loop_, serve(std::move(socket)), asio::detached);
    }
}

}  // namespace pgbosun::test
