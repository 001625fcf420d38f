#pragma once
// The lines that others write into a FIFO.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "host/line_splitter.hpp"
#include "pgbosun/fault.hpp"

namespace boost::asio {
class io_context;
}

namespace pgbosun::host {

class Readable;

class FifoLines {
public:
    using OnLine = std::function<void(std::string_view line)>;
    static constexpr std::size_t longest_line = 1024 * 1024;  // longer ones arrive in pieces

    // `path` is a FIFO already (refused otherwise); its file system must not hang: it belongs in run_dir. We are
    // a writer of it too, so that it never ends while writers come and go. Begins reading at once.
    static Result<std::unique_ptr<FifoLines>> open(boost::asio::io_context& loop, const std::string& path,
                                                   OnLine on_line);
    ~FifoLines();

    // While paused writers wait once the FIFO is full. What was read already has been delivered.
    void pause();
    void resume();

private:
    explicit FifoLines(OnLine on_line);
    void read();

    OnLine on_line_;
    LineSplitter lines_{longest_line};
    std::unique_ptr<Readable> fifo_;
};

}  // namespace pgbosun::host
