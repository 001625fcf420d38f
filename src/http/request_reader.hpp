#pragma once
// Bytes into one request, as they come. Beast knows the grammar; only the fields that we use are kept.

#include <cstddef>
#include <memory>
#include <string_view>

#include "http/limits.hpp"
#include "http/message.hpp"
#include "http/problem.hpp"

namespace pgbosun::http {

class RequestReader {
public:
    enum class State {
        head,
        body,
        done,
        failed,  // `problem` says why; the connection cannot be used any further
    };

    explicit RequestReader(const Limits& limits);
    ~RequestReader();
    RequestReader(RequestReader&&) noexcept;
    RequestReader& operator=(RequestReader&&) noexcept;

    // How many of the bytes are used up; give the rest again with more behind it. Not after done or failed.
    std::size_t feed(std::string_view bytes);
    [[nodiscard]] State state() const;
    // The asker waits for "100 Continue" before it sends the body.
    [[nodiscard]] bool expects_continue() const;

    [[nodiscard]] Request& request();
    [[nodiscard]] const Problem& problem() const;

private:
    class Parser;
    std::unique_ptr<Parser> parser_;
};

}  // namespace pgbosun::http
