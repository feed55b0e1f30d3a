// `fairleadd --check FILE`, and `--check etcd://HOST:2379/PREFIX --name NAME`: what is wrong with a
// configuration, a line each, without starting anything.
//
//   if (options.only_check) return Check(options);     // 0: it is valid
//
// Threads: main's.
#pragma once

#include "main/options.h"

namespace fairlead {

int Check(const Options& options);

}  // namespace fairlead
