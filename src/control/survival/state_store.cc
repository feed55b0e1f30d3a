#include "control/survival/state_store.h"

#include "control/survival/stored_file.h"

namespace fairlead::control {
namespace {

// Nothing when there is no such file, or none that can be used.
template <typename T, typename Decode>
std::optional<T> Read(const std::string& directory, const StoredKind& kind, const char* effect,
                      Decode decode, std::vector<std::string>* problems) {
  const Result<std::optional<std::string>> contents = ReadStored(directory, kind);
  if (contents && !*contents) return std::nullopt;
  Result<T> value = contents ? decode(**contents) : Result<T>(contents.error());
  if (value) return *std::move(value);
  const Error error{value.error().code, value.error().message,
                    directory + "/" + std::string(kind.name)};
  problems->push_back(error.ToString() + "; " + effect);
  return std::nullopt;
}

}  // namespace

KeptState ReadState(const std::string& directory, uint32_t real_capacity) {
  KeptState state;
  state.names = Read<StoredNames>(
      directory, kNamesFile, "the tables start empty",
      [real_capacity](std::string_view bytes) { return DecodeNames(bytes, real_capacity); },
      &state.problems);
  state.intent = Read<StoredIntent>(directory, kIntentFile,
                                    "the director starts with the file, without changes by hand",
                                    DecodeIntent, &state.problems);
  auto health = Read<KnownHealth>(directory, kHealthFile,
                                  "all real servers count as up until a check says otherwise",
                                  DecodeHealth, &state.problems);
  if (health) state.health = *std::move(health);
  return state;
}

}  // namespace fairlead::control
