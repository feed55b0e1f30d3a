// Looks by ordinary sockets, which leave through the exception path where the port has one.
//
//   boost::asio::io_context io;
//   std::unique_ptr<Prober> prober = MakeAsioProber(io);
//
// Threads: the one that runs `io`. The callback always runs from `io`, never inside Start.
#pragma once

#include <memory>

#include "control/health/prober.h"

namespace boost::asio {
class io_context;
}

namespace fairlead::control {

// `io` outlives it.
std::unique_ptr<Prober> MakeAsioProber(boost::asio::io_context& io);

}  // namespace fairlead::control
