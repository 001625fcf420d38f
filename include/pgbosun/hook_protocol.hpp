#pragma once
// What `pgbosun-wal` says to the archiver over the Unix stream socket, one request for each connection. Plain
// C++ without allocation, for the hook is a static program that links libc only.
//
// Request: magic line, then fields, each ended by a NUL byte; the hook then shuts down its writing side:
//     "pgbosun-wal 1\n"  "archive" NUL  <absolute path of the file> NUL
//     "pgbosun-wal 1\n"  "restore" NUL  <name asked for> NUL  <absolute path to write> NUL
// Answer: one byte, the exit status ('0' done, '1' failed or definitely missing, 'x' exit 255), then a text for stderr
// (UTF-8, may be empty, at most 1,000 bytes), then end of stream. No answer byte: the archiver died.

#include <cstddef>

namespace pgbosun::hook {

inline constexpr char magic[] = "pgbosun-wal 1\n";
inline constexpr std::size_t longest_request = 8 * 1024;
inline constexpr std::size_t longest_text = 1000;
inline constexpr char done = '0';
inline constexpr char failed = '1';
inline constexpr char stop_recovery = 'x';

inline constexpr char socket_variable[] = "PGBOSUN_ARCHIVE_SOCKET";
inline constexpr char default_socket[] = "/run/pgbosun/archive.sock";
// Of the archiver that serves a recovery, or a standby that follows an archive: nothing streams behind it.
inline constexpr char recovery_socket_name[] = "/recovery.sock";

}  // namespace pgbosun::hook
