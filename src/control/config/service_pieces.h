// A configuration text cut at the items of its `services`, by lines alone.
//
//   if (const auto cut = CutServices(text)) …cut->services[3].In(text)…
//
//   version: 1                       before: to the first item
//   services:
//     - address: 192.0.2.80          services[0]: from the line with its dash to the next such line
//       …
//     - address: 192.0.2.81          services[1]
//   log: { level: info }             after: from the next key of the top level
//
// It knows nothing of quotes and lists that go over lines: a cut is a guess until somebody who has
// parsed the text finds as many services, each beginning in its piece. Then it is right, because
// the items of a YAML list all stand in one column. Nothing when the text is laid out otherwise:
// no `services:` on a line of its own, lines between the columns, a second document. Threads: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace fairlead::control {

struct TextPiece {
  size_t begin = 0, end = 0;  // bytes
  uint32_t line = 1;          // of `begin`
  [[nodiscard]] std::string_view In(std::string_view text) const {
    return text.substr(begin, end - begin);
  }
};

struct ServicePieces {
  TextPiece before;
  std::vector<TextPiece> services;  // at least one
  TextPiece after;                  // may be empty
};

std::optional<ServicePieces> CutServices(std::string_view text);

// Whether a piece reads the same whatever stands around it, provided it reads well by itself: no
// block scalars, whose end is a matter of columns, no tabs and no foreign line ends.
bool IsSelfContained(std::string_view piece);

}  // namespace fairlead::control
