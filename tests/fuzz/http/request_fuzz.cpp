#include <cstdlib>
#include <nlohmann/json.hpp>

#include "http/api.hpp"
#include "http/request_reader.hpp"
#include "http/wrong_request.hpp"
#include "support/fake_instance_control.hpp"

using namespace pgbosun;
using namespace pgbosun::http;

namespace {

// From a stranger over TCP: whatever comes, it is answered, and never taken for a command.
void answer(Api& api, const RequestReader& reader, const Request& request) {
    const Credentials credentials{1000, "a token that nobody guesses", true};
    Response response;
    if (reader.state() == RequestReader::State::failed) {
        Api::refuse(reader.problem(), response);
    } else if (api.answer(request, TcpPeer{"10.0.0.7", std::nullopt}, Entrance::api, credentials, response)) {
        std::abort();
    }
    if (response.content_type.find("json") != std::string_view::npos && !response.body.empty() &&
        !nlohmann::json::accept(response.body)) {
        std::abort();
    }
    // The same as the operator: commands are read, and those that are taken are within their limits.
    const auto work = api.answer(request, UnixPeer{0}, Entrance::api, credentials, response);
    const auto* const command = work ? std::get_if<ControlRequest>(&*work) : nullptr;
    if (command != nullptr && (command->wait > max_wait || command->reason.size() > 1000)) std::abort();
    std::string out;
    append(out, response, request);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    boost::asio::io_context io(1);
    test::FakeJournal journal(io);
    test::FakeInstanceControl control(io, journal);
    const Traffic traffic;
    Api api(control, journal, traffic);
    std::string_view bytes(reinterpret_cast<const char*>(data), size);
    for (int requests = 0; requests < 16 && !bytes.empty(); ++requests) {
        RequestReader reader(Limits{});
        const std::size_t used = reader.feed(bytes);
        if (used > bytes.size()) std::abort();
        bytes.remove_prefix(used);
        if (reader.state() != RequestReader::State::done && reader.state() != RequestReader::State::failed) return 0;
        if (reader.request().body.size() > Limits{}.body_bytes) std::abort();
        answer(api, reader, reader.request());
        if (reader.state() == RequestReader::State::failed) return 0;
    }
    return 0;
}
