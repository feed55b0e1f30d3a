// Precompiled: what most units of tests include anyway. A unit still includes what it uses.
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "base/pch/std.h"
