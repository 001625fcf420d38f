#pragma once
// What must hold between the values of one configuration.

#include "app/settings_reader.hpp"

namespace pgbosun::app {

// The longest path of a Unix socket: sizeof sockaddr_un::sun_path less the NUL (unix(7)).
inline constexpr std::size_t longest_socket_path = 107;

void check_whole(ReadSettings& read);

}  // namespace pgbosun::app
