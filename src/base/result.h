// A value, or an error that says what happened, where, and what to do.
//
//   Result<int> r = ParseWeight(node);
//   if (!r) return r.error();
//   Use(*r);
//
// Control path only; the dataplane is noexcept and uses outcome enums.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace fairlead {

enum class ErrorCode : uint8_t {
  kInvalid,      // what was given is wrong; the message says how to mend it
  kNotFound,     // no such thing
  kExists,       // there is one already
  kUnavailable,  // right, but cannot be done now
  kSystem,       // the operating system or a device refused
};

struct Error {
  ErrorCode code = ErrorCode::kInvalid;
  std::string message;  // one sentence, with the remedy
  std::string place;    // "web.yaml:42:7 services[2].reals[0].weight", or empty

  [[nodiscard]] std::string ToString() const {
    return place.empty() ? message : place + ": " + message;
  }
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  explicit operator bool() const { return state_.index() == 0; }
  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  // Precondition: ok().
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  // Precondition: !ok().
  [[nodiscard]] const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

struct Done {};
using Status = Result<Done>;

}  // namespace fairlead
