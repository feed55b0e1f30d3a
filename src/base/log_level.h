// Which lines the log takes now; SetLogLevel (log.h) may be called again at any time.
//
//   answer["level"] = WordOf(CurrentLogLevel());
//
// Threads: any.
#pragma once

#include "base/log.h"

namespace fairlead {

LogLevel CurrentLogLevel();

}  // namespace fairlead
