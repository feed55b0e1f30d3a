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
  void NoteReals(const ConfigModel& model) {
    for (const ServiceConfig& service : model.services) {
      for (const RealConfig& real : service.reals) {
        Note(real.address, "a real server of service ", service.name);
      }
      if (!service.fallback) continue;
      Note(service.fallback->address, "the fallback of service ", service.name);
    }
  }

  // Precondition: it was asked for.
  [[nodiscard]] std::string WordsOf(const IpAddress& address) const {
    const User& user = users_.at(address);
    if (user.words == nullptr) return "";
    const auto* name = std::get_if<const std::string*>(&user.who);
    return user.words +
           (name != nullptr ? Quote(**name) : std::get<const Prefix*>(user.who)->ToString());
  }

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

}  // namespace fairlead::control
