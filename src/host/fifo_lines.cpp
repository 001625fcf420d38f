#include "host/fifo_lines.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "host/readable.hpp"
#include "host/system_fault.hpp"

namespace pgbosun::host {
namespace {

constexpr std::size_t read_at_once = 16 * 1024;  // then the loop's other work has its turn

}  // namespace

Result<std::unique_ptr<FifoLines>> FifoLines::open(boost::asio::io_context& loop, const std::string& path,
                                                   OnLine on_line) {
    Descriptor fifo(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
    struct stat facts{};
    if (!fifo || ::fstat(fifo.get(), &facts) != 0) return system_failure(errno, "opening the FIFO " + path);
    if (!S_ISFIFO(facts.st_mode)) {
        return fail(FaultKind::refused, path + " is not a FIFO", "remove it; pgbosun makes it");
    }
    std::unique_ptr<FifoLines> lines(new FifoLines(std::move(on_line)));
    lines->fifo_ = std::make_unique<Readable>(loop, std::move(fifo), [reader = lines.get()] { reader->read(); });
    lines->fifo_->resume();
    return lines;
}

FifoLines::FifoLines(OnLine on_line) : on_line_(std::move(on_line)) {}
FifoLines::~FifoLines() = default;

void FifoLines::pause() { fifo_->pause(); }
void FifoLines::resume() { fifo_->resume(); }

void FifoLines::read() {
    std::array<char, read_at_once> block;
    const ssize_t length = ::read(fifo_->descriptor(), block.data(), block.size());
    if (length > 0) lines_.add({block.data(), static_cast<std::size_t>(length)}, on_line_);
}

}  // namespace pgbosun::host
