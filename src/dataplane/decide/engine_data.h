// What a persistence engine has found, as a template's key takes it.
//
//   flow.engine = EngineDataOf(call_id, fabric.config.hash_secret);
//
// Threads: pure. `text` outlives the result.
#pragma once

#include <cstring>
#include <string_view>

#include "base/siphash.h"
#include "dataplane/decide/decision_trace.h"

namespace fairlead::dataplane {

inline EngineData EngineDataOf(std::string_view text, const uint64_t (&secret)[2]) noexcept {
  EngineData engine;
  engine.text = text;
  const uint64_t digest[2] = {SipHash13({secret[0], secret[1]}, text.data(), text.size()),
                              SipHash13({secret[1], ~secret[0]}, text.data(), text.size())};
  std::memcpy(engine.digest.data(), digest, sizeof digest);
  return engine;
}

}  // namespace fairlead::dataplane
