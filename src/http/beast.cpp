// Beast's and Asio's TLS code, compiled once for every program.
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
