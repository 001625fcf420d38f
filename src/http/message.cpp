#include "http/message.hpp"

#include <utility>

namespace pgbosun::http {

std::string_view to_string(Method method) {
    switch (method) {
        case Method::get: return "GET";
        case Method::head: return "HEAD";
        case Method::options: return "OPTIONS";
        case Method::post: return "POST";
        case Method::put: return "PUT";
        case Method::patch: return "PATCH";
        case Method::delete_: return "DELETE";
        case Method::other: return "other";
    }
    std::unreachable();
}

std::string_view reason_phrase(int status) {
    switch (status) {
        case 200: return "OK";
        case 202: return "Accepted";
        case 307: return "Temporary Redirect";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 408: return "Request Timeout";
        case 409: return "Conflict";
        case 413: return "Content Too Large";
        case 431: return "Request Header Fields Too Large";
        case 500: return "Internal Server Error";
        case 503: return "Service Unavailable";
        case 505: return "HTTP Version Not Supported";
        default: return "Unknown";
    }
}

void Response::clear() {
    status = 200;
    content_type = "application/json";
    body.clear();
    fields.clear();
    connection = Connection::keep;
    events_after.reset();
}

void append(std::string& out, const Response& response, const Request& request) {
    out.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
    out.append(reason_phrase(response.status)).append("\r\nServer: pgbosun\r\n");
    if (!response.content_type.empty()) out.append("Content-Type: ").append(response.content_type).append("\r\n");
    // Answers are about this moment: nobody on the way may keep them.
    out.append("Cache-Control: no-store\r\n").append(response.fields);
    if (!response.events_after) {
        out.append("Content-Length: ").append(std::to_string(response.body.size())).append("\r\n");
    }
    if (response.connection == Connection::close || response.events_after) {
        out.append("Connection: close\r\n");
    } else if (request.version < 11) {
        out.append("Connection: keep-alive\r\n");
    }
    out.append("\r\n");
    if (request.method != Method::head) out.append(response.body);
}

}  // namespace pgbosun::http
