// The coroutine type of everything that waits for the network. Alone in a header because Asio is dear to include.
#pragma once

#include <boost/asio/awaitable.hpp>

namespace logboom {

template <class T>
using Awaitable = boost::asio::awaitable<T>;

}  // namespace logboom
