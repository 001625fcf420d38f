#pragma once
// Pieces of segments that are not whole yet (archive.stream): where they lie, and which of them make up a segment.
// They are outside wals/, which holds whole files only.
//
//   <server>/stream/<segment>/<generation>-<begin>-<end>[.ext]    offsets within the segment, 8 hexadecimal digits
//
// A generation is one run of one server process, as the archiver saw it begin, and its first piece of a segment begins
// at 0. Each comes behind all before it, whatever the clock says. After a crash PostgreSQL may write the unfinished
// record at the end anew, so pieces of two generations are never mixed. A later generation holds all that an earlier one
// holds: flushed WAL of a timeline only grows.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/layout.hpp"
#include "wal/segment.hpp"

namespace pgbosun::archive {

struct StreamPiece {
    std::string generation;   // 20 digits: microseconds since 1970, as text, so that later ones sort behind
    std::uint32_t begin = 0;  // bytes from the segment's start
    std::uint32_t end = 0;    // behind the last byte; greater than begin
    Encoding encoding = Encoding::plain;
    bool operator==(const StreamPiece&) const = default;
};

std::string generation_at(std::uint64_t microseconds_since_epoch);
// Of a run that begins now: behind `newest`, the newest that there is (empty: none), also when the clock was set back.
std::string next_generation(std::uint64_t microseconds_since_epoch, std::string_view newest);

std::string stream_prefix(std::string_view server);                            // "<server>/stream/"
std::string stream_prefix(std::string_view server, wal::SegmentName segment);  // "<server>/stream/<segment>/"
std::string stream_key(std::string_view server, wal::SegmentName segment, const StreamPiece& piece);
// Of the part behind stream_prefix(server, segment). None: not a piece.
std::optional<StreamPiece> parse_stream_piece(std::string_view name);

// The pieces to lay one after the other, from byte 0 on without a hole: those of the newest generation; of those that
// begin at one place, the longest. Empty when that generation has no first piece.
std::vector<StreamPiece> usable_pieces(std::vector<StreamPiece> pieces);

}  // namespace pgbosun::archive
