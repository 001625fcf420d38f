#pragma once
// A request that has been read whole, and the answer to it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgbosun::http {

enum class Method { get, head, options, post, put, patch, delete_, other };
std::string_view to_string(Method method);

enum class Connection { keep, close };

struct Request {
    Method method = Method::other;
    std::string target;
    std::string authorization;
    std::string last_event_id;
    std::string body;
    unsigned version = 11;                      // 10 or 11
    Connection connection = Connection::close;  // what the asker wants, by version and fields
};

struct Response {
    int status = 200;
    std::string_view content_type = "application/json";  // a literal
    std::string body;
    std::string fields;  // further whole lines, "Allow: GET\r\n"
    Connection connection = Connection::keep;
    std::optional<std::uint64_t> events_after;  // no body: the journal after this id, as it grows

    void clear();  // keeps the memory
};

std::string_view reason_phrase(int status);

// The head, with the length of the body; after it the body itself, but not for HEAD.
void append(std::string& out, const Response& response, const Request& request);

}  // namespace pgbosun::http
