// Asio's own code, compiled once for every program.
#include <boost/asio/impl/src.hpp>
