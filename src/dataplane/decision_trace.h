// The first packet of a flow as decisions see it, and where a decision notes down what it found.
//
//   NoTrace silent;                  // the packet path: compiles to nothing
//   ExplainTrace told{&answer};      // explain: the same code, step by step
//
// Threads: values.
#pragma once

#include "dataplane/classifier.h"
#include "dataplane/explain.h"
#include "dataplane/headers.h"
#include "dataplane/snapshot.h"

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

// The first packet of a flow, as the decision sees it.
struct FlowFields {
  ClassifierFields addresses;  // ports in host order
  bool is_tcp() const noexcept { return addresses.protocol == kProtocolTcp; }
  [[nodiscard]] ServiceKey Key() const noexcept {
    return {addresses.destination, Be16::FromHost(addresses.destination_port), addresses.protocol};
  }
};

}  // namespace fairlead::dataplane
