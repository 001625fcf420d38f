#pragma once
// Bytes of a stream as lines.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace pgbosun::host {

class LineSplitter {
public:
    // A line longer than `longest` bytes is delivered in pieces of at most that size.
    explicit LineSplitter(std::size_t longest) : longest_(longest) {}

    using Deliver = std::function<void(std::string_view line)>;
    // Lines come without their line feed. An empty line is delivered as an empty line.
    void add(std::string_view bytes, const Deliver& deliver);
    // The stream has ended: delivers the last line although nothing ended it.
    void end(const Deliver& deliver);

private:
    std::size_t longest_;
    std::string begun_;
    bool in_pieces_ = false;  // a part of the present line has been delivered already
};

}  // namespace pgbosun::host
