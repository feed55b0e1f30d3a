#include "cli/screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace fairlead::cli {

namespace {

std::string_view Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Screen Screen::OfStandardOutput() {
  constexpr size_t kUsual = 80;  // of a terminal that does not say
  if (isatty(STDOUT_FILENO) == 0) return {};
  winsize size{};
  const bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return {.width = is_known ? size.ws_col : kUsual,
          .has_colour = Variable("NO_COLOR").empty() && Variable("TERM") != "dumb"};
}

}  // namespace fairlead::cli
