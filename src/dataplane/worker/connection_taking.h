// How a worker takes in what a peer says of one connection, whichever protocol it is said in: whose
// it is, which template it is a child of, and where it goes.
//
//   class TakingIn : public ConnectionTaking<TakingIn, TakeSyncEntries, sync::SyncEntry> { … };
//   work += LookAt(entry, asked, named, &answer);    // first round; `asked`: it as a SyncEntry
//   work += TakeGranted(entry, asked, named, ref);   // second: the template's worker has answered
//
// The protocols differ in what Self does, which is
//
//   bool FollowKnown<Address>(entry, work)   it is here with this real server, and follows; more
//                                            work than 1 is said
//   void Place<Address>(entry, place, ref)   makes it, a child of `ref`; owns the grant
//   TemplateRef GrantChild(place, identity)  of a template of this worker; none: it has none
//   void Wait(answer)                        the second round will bring it
//   void Lack(fault, answer)                 it has no place here
//
// Threads: the worker's; a value for one slice of a command.
#pragma once

#include <optional>

#include "dataplane/decide/sync_place.h"
#include "dataplane/shard/shard.h"

namespace fairlead::dataplane {

template <typename Self, typename Take, typename Entry>
class ConnectionTaking {
 protected:
  ConnectionTaking(Shard& shard, Take* take) noexcept : shard_(shard), take_(*take) {}

  void Refuse(SyncFault fault) noexcept { ++take_.faults[static_cast<size_t>(fault)]; }
  [[nodiscard]] const Snapshot& snapshot() const noexcept { return *shard_.snapshot; }
  // Who counts what nobody else has to do with.
  [[nodiscard]] bool IsFirst() const noexcept { return shard_.me.index() == 0; }
  [[nodiscard]] bool OwnsConnection(const Entry& entry) const noexcept {
    const Steering& steering = shard_.fabric.steering;
    return shard_.me == (entry.client.is_v4()
                             ? steering.ConnectionOwner(entry.client.v4(), entry.client_port)
                             : steering.ConnectionOwner(entry.client.v6(), entry.client_port));
  }
  [[nodiscard]] bool OwnsTemplate(const TemplateKey& key) noexcept {
    return shard_.fabric.steering.TemplateOwner(shard_.templates().Hash(key)) == shard_.me;
  }

  // Returns the work it was. `named`: its real server where no configuration has it; or none.
  size_t LookAt(const Entry& entry, const sync::SyncEntry& asked, RealId named,
                SyncAnswer* answer) {
    const bool is_mine = OwnsConnection(entry);
    size_t known_work = 1;
    if (is_mine && FollowKnown(entry, &known_work)) {
      answer->step = SyncStep::kDone;
      return known_work;
    }
    SyncPlace place = ServicePlaceOf(snapshot(), asked);
    place.work += known_work - 1;
    TakeNamed(snapshot(), asked, named, &place);
    if (place.fault) return Lack(is_mine, place, answer);
    std::optional<TemplateIdentity> identity;
    if (place.service->persistence.is_enabled) {
      identity = IdentityOf(shard_.fabric, *place.service, asked);
    }
    const bool has_template = identity.has_value();
    const bool is_template_mine = has_template && OwnsTemplate(identity->key);
    // Most entries are another worker's: none but the owners walks the real servers.
    if (!is_mine && !is_template_mine) return place.work;
    CompletePlace(asked, named, &place);
    if (place.fault) return Lack(is_mine, place, answer);
    TemplateRef ref;
    if (is_template_mine) ref = self().GrantChild(place, *identity);
    if (is_mine && (is_template_mine || !has_template)) {
      Place(entry, place, ref);
      answer->step = SyncStep::kDone;
    } else if (is_template_mine && !ref.is_none()) {
      *answer = {SyncStep::kGranted, ref};
    } else if (is_mine) {
      self().Wait(answer);
    }
    return place.work;
  }

  // The grant, which may be none, goes to the connection or is given back.
  size_t TakeGranted(const Entry& entry, const sync::SyncEntry& asked, RealId named,
                     const TemplateRef& ref) {
    SyncPlace place = ServicePlaceOf(snapshot(), asked);
    TakeNamed(snapshot(), asked, named, &place);
    CompletePlace(asked, named, &place);
    if (!place.fault) {
      Place(entry, place, ref);
      return place.work;
    }
    GiveBack(ref);  // a snapshot has come between
    Refuse(*place.fault);
    return place.work;
  }
  void GiveBack(const TemplateRef& ref) {
    if (!ref.is_none()) shard_.ReleaseGrant(ref);
  }

  // The real server too, if the service has it or it was named.
  void CompletePlace(const sync::SyncEntry& asked, RealId named, SyncPlace* place) {
    if (place->fault || !place->real.is_none()) return;
    FindReal(snapshot(), asked, place);
    TakeNamed(snapshot(), asked, named, place);
  }

  bool FollowKnown(const Entry& entry, size_t* work) {
    return entry.client.is_v4() ? self().template FollowKnown<Ipv4Address>(entry, work)
                                : self().template FollowKnown<Ipv6Address>(entry, work);
  }
  void Place(const Entry& entry, const SyncPlace& place, const TemplateRef& ref) {
    entry.client.is_v4() ? self().template Place<Ipv4Address>(entry, place, ref)
                         : self().template Place<Ipv6Address>(entry, place, ref);
  }

  template <typename Address>
  static FlowKey<Address> KeyOf(const Entry& entry) noexcept {
    return FlowKey<Address>::Forward(
        entry.protocol, entry.client.template As<Address>(), entry.client_port,
        entry.virtual_address.template As<Address>(), entry.virtual_port);
  }
  template <typename Address>
  uint32_t Find(const Entry& entry) {
    const FlowKey<Address> key = KeyOf<Address>(entry);
    auto& table = shard_.Connections<Address>();
    return table.Find(key, table.Hash(key), shard_.now).slot;
  }
  // One of the other family is not in the record, so nobody can say that it is the same.
  template <typename Address>
  static bool HasReal(const Connection<Address>& record, const Entry& entry) noexcept {
    const bool has_port = !RewritesReplies(record.method) || record.real_port == entry.real_port;
    return !record.real_address.is_unspecified() &&
           record.real_address == entry.real.template As<Address>() && has_port;
  }

  Shard& shard_;
  Take& take_;

 private:
  Self& self() noexcept { return static_cast<Self&>(*this); }
  // Its owner says so, and nobody else.
  size_t Lack(bool is_mine, const SyncPlace& place, SyncAnswer* answer) {
    if (is_mine) self().Lack(*place.fault, answer);
    return place.work;
  }
};

}  // namespace fairlead::dataplane
