// Looks by ordinary sockets, which leave through the exception path where the port has one.
//
//   boost::asio::io_context io;
//   std::unique_ptr<Prober> prober = MakeAsioProber(io);
//
// A look's timeout counts the time in which `io` was there to hear the server (probe_clock.h). Its
// end is orderly where that is cheap: what the server still sends is read, up to a bound, and no
// RST meets it. Looks hold one descriptor each and may hold three quarters of the process's.
// Threads: the one that runs `io`. The callback always runs from `io`, never inside Start.
#pragma once

#include <memory>

#include "control/health/prober.h"

namespace boost::asio {
class io_context;
}

namespace fairlead::control {

// `io` outlives it, and runs no more handlers once it is gone.
std::unique_ptr<Prober> MakeAsioProber(boost::asio::io_context& io);

}  // namespace fairlead::control
