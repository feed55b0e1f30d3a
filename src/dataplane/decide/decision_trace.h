// The first packet of a flow as decisions see it, and where a decision notes down what it found.
//
//   NoTrace silent;                  // the packet path: compiles to nothing
//   ExplainTrace told{&answer};      // explain: the same code, step by step
//
// Threads: values.
#pragma once

#include <array>
#include <string_view>

#include "dataplane/shard/explanation.h"
#include "dataplane/snapshot/classifier.h"
#include "dataplane/snapshot/snapshot.h"
#include "dataplane/wire/headers.h"

namespace fairlead::dataplane {

struct NoTrace {
  static constexpr bool kIsOn = false;
  void Add(const ExplainStep&) noexcept {}
};

struct ExplainTrace {
  static constexpr bool kIsOn = true;
  ExplainAnswer* answer;
  void Add(const ExplainStep& step) noexcept { answer->Add(step); }
};

// What a persistence engine found in the packet: the text, and 128 bits of it under the director's
// secret, which stand for it in a template's key: nobody can aim at another's.
struct EngineData {
  std::array<uint8_t, 16> digest{};
  std::string_view text = {};  // in the packet
};

// The first packet of a flow, as the decision sees it.
struct FlowFields {
  ClassifierFields addresses;  // ports in host order
  EngineData engine{};         // empty unless the service has an engine
  // Precondition: a packet of a flow.
  [[nodiscard]] Transport transport() const noexcept {
    return static_cast<Transport>(addresses.protocol);
  }
  [[nodiscard]] ServiceKey Key() const noexcept {
    return {addresses.destination, Be16::FromHost(addresses.destination_port), addresses.protocol};
  }
};

}  // namespace fairlead::dataplane
