#include "host/line_splitter.hpp"

namespace pgbosun::host {

void LineSplitter::add(std::string_view bytes, const Deliver& deliver) {
    while (!bytes.empty()) {
        if (begun_.size() == longest_ && bytes.front() != '\n') {
            deliver(begun_);
            begun_.clear();
            in_pieces_ = true;
        }
        const std::string_view piece = bytes.substr(0, longest_ - begun_.size() + 1);
        const auto feed = piece.find('\n');
        if (feed == std::string_view::npos) {
            const std::string_view fits = piece.substr(0, longest_ - begun_.size());
            begun_ += fits;
            bytes.remove_prefix(fits.size());
            continue;
        }
        if (begun_.empty()) {
            // The line feed right after a last piece ends the line; it is not an empty line.
            if (feed != 0 || !in_pieces_) deliver(piece.substr(0, feed));
        } else {
            begun_ += piece.substr(0, feed);
            deliver(begun_);
            begun_.clear();
        }
        in_pieces_ = false;
        bytes.remove_prefix(feed + 1);
    }
}

void LineSplitter::end(const Deliver& deliver) {
    if (!begun_.empty()) deliver(begun_);
    begun_.clear();
    in_pieces_ = false;
}

}  // namespace pgbosun::host
