// Changes by hand written down, and done again over a file that may have changed meanwhile.
//
//   ChangesByHand changes;
//   changes.Describe(intent, &stored);                       // stored_intent.h
//   Replayed replayed = Replay(stored, file_model, {.now = now, .is_same_boot = true});
//   publication.Want(replayed.intent, {});
//
// A change by hand is the difference between what the file had and what was in force. Over a file
// that is as it was, the result is the intent as it was, to the place in the list. Over another one
// it is decided key by key: what was changed by hand and is in the file as before stays changed;
// where the file has another value than before, the file wins, and `dropped` says so. What results
// has passed the validation that a change by hand passes; a service that does not is the file's.
// Threads: the control core; Replay is pure.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "control/intent.h"
#include "control/survival/stored_intent.h"
#include "control/time_point.h"

namespace fairlead::control {

// Remembers the texts of services that it has seen, since most have not changed the next time.
class ChangesByHand {
 public:
  // Fills in all but boot, paths and start_mark.
  void Describe(const Intent& intent, StoredIntent* stored);

 private:
  using Item = std::shared_ptr<const ServiceConfig>;
  std::string TextOf(const Item& service);

  struct Text {
    Item service;  // keeps the address from being another's
    std::string text;
  };
  std::unordered_map<const ServiceConfig*, Text> texts_, next_texts_;
};

struct ReplayClock {
  TimePoint now{};
  bool is_same_boot = true;  // deadlines count on; else they have passed
};

struct Replayed {
  Intent intent;
  size_t kept = 0;                     // services, policies and timeouts changed by hand
  std::vector<std::string> dropped{};  // "service shop: weight of real 10.0.0.11:80: the file …"
};

// `file`: the model of the file as it is now.
Replayed Replay(const StoredIntent& stored, std::shared_ptr<const ConfigModel> file,
                const ReplayClock& clock);

}  // namespace fairlead::control
