#include "control/health/dialogue/dialogue.h"

namespace fairlead::control {

void Dialogue::Feed(std::string_view bytes) {
  if (is_over()) return;
  heard_bytes_ += bytes.size();
  OnBytes(bytes);
  if (!is_over() && heard_bytes_ > kMostBytes) Reject("over 2 MiB without an end");
}

void Dialogue::End() {
  if (is_over()) return;
  OnEnd();
  if (is_over()) return;
  Reject(has_heard() ? "closed before the end of its answer" : "closed without an answer");
}

void Dialogue::Silence() {
  if (!is_over()) OnSilence();
}

void Dialogue::Judge(State state, std::string detail) {
  if (is_over()) return;
  state_ = state;
  detail_ = std::move(detail);
}

std::string Quoted(std::string_view text) {
  constexpr size_t kMost = 80;
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n')) text.remove_suffix(1);
  const bool is_cut = text.size() > kMost;
  std::string quoted = "\"";
  for (const char c : text.substr(0, kMost)) {
    quoted.push_back(c >= 0x20 && c < 0x7f && c != '"' ? c : '?');
  }
  return quoted + (is_cut ? "…\"" : "\"");
}

}  // namespace fairlead::control
