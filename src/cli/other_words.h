// What people type who know another program, and what it is called here.
//
//   WhatIsMeant("fairlead real", "undrain")   // "fairlead real enable SERVICE REAL"
//
// The nearest spelling of "undrain" is "drain", its opposite; so these come before any guess.
// Threads: pure.
#pragma once

#include <string_view>

namespace fairlead::cli {

// `name`: of the verb or group under which the word is unknown. Empty: nothing is known.
std::string_view WhatIsMeant(std::string_view name, std::string_view word);

}  // namespace fairlead::cli
