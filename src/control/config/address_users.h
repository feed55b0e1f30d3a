// Whose an address is already. Those that are asked for are few, and what else has an address may
// be 100,000 real servers: so each user is looked up among the few, and words are made for the one
// that is found.
//
//   AddressUsers users;
//   users.Ask(address);                                        // each, before the first note
//   users.Note(port.address, "the address of port ", port.name);
//   users.NoteReals(model);
//   const std::string words = users.WordsOf(address);          // empty: nobody's
//
// The first that is noted for an address counts. The model outlives it. Threads: any one at a time.
#pragma once

#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/ip_address.h"
#include "control/config/model.h"
#include "control/config/problems.h"

namespace fairlead::control {

class AddressUsers {
 public:
  void Ask(const IpAddress& address) { users_.try_emplace(address); }

  // `words` is a literal that ends with a blank; the name follows in quotes, a prefix as it is.
  void Note(const IpAddress& address, const char* words, const std::string& name) {
    NoteUser(address, {words, &name});
  }
  void Note(const IpAddress& address, const char* words, const Prefix& prefix) {
    NoteUser(address, {words, &prefix});
  }
  void NoteReals(const ConfigModel& model);
  // What no host of a port's network has: its number and its broadcast address.
  void NoteNetworks(const ConfigModel& model);
  // Next hops of routes.
  void NoteGateways(const ConfigModel& model);

  // Precondition: it was asked for.
  [[nodiscard]] std::string WordsOf(const IpAddress& address) const;

  // Reports those of `addresses` that are somebody's, the first few one by one:
  // "<contains> 10.0.0.1, the next hop of the route to 0.0.0.0/0; <rule>".
  void Report(const std::vector<IpAddress>& addresses, const std::string& contains,
              const std::string& rule, const std::string& path, Problems& problems) const;

 private:
  struct User {
    const char* words = nullptr;  // null: nobody yet
    std::variant<const std::string*, const Prefix*> who;
  };

  void NoteUser(const IpAddress& address, const User& user) {
    const auto asked = users_.find(address);
    if (asked != users_.end() && asked->second.words == nullptr) asked->second = user;
  }

  std::unordered_map<IpAddress, User> users_;
};

// Of an IPv4 network (RFC 919).
IpAddress BroadcastOfNetwork(const Prefix& prefix);
// A network of one or two addresses has neither number nor broadcast address (RFC 3021), and one of
// IPv6 has none.
inline bool HasBroadcast(const Prefix& prefix) {
  return prefix.address.is_v4() && prefix.length <= 30;
}

}  // namespace fairlead::control
