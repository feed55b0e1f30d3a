// A snapshot made of the one before equals one that is made anew, whatever has happened: to the
// last field that workers read, and to the ids. Two builders live through the same random stories,
// one with the last snapshot at hand and one without.
#include <map>
#include <random>
#include <set>

#include "control/snapshot_builder.h"
#include "director_fixture.h"

namespace fairlead::control::snapshot_property_test {
namespace {

using namespace std::chrono_literals;

// ---- what there is to see ---------------------------------------------------------------------

template <typename... Values>
std::string Line(const Values&... values) {
  std::string text;
  const auto add = [&text](const auto& value) {
    if constexpr (std::is_convertible_v<decltype(value), std::string>) {
      text += value;
    } else {
      text += std::to_string(value);
    }
    text += " ";
  };
  (add(values), ...);
  return text + "\n";
}

std::string TextOf(const dataplane::ServiceView& s) {
  std::string text = Line("service", s.id.value(), s.protocol, s.address.ToString(), s.port.host(),
                          s.mark, s.policy.expire_nodest_conn, s.policy.reset_without_listener,
                          static_cast<int>(s.policy.unknown_connections), s.timeouts.udp,
                          s.persistence.is_enabled, s.persistence.timeout,
                          s.persistence.keying_edits, s.persistence.clients.groups != nullptr,
                          std::string(sched::KindName(s.plan.kind())), s.plan.edit_count());
  for (const auto& real : s.plan.reals()) text += Line("  ", real.id.value(), real.weight);
  for (const uint16_t slot : s.plan.tables().slots) text += std::to_string(slot) + ",";
  std::map<std::string, uint32_t> siblings;
  for (const auto& [address, id] : s.reals_by_address) siblings[address.ToString()] = id.value();
  for (const auto& [address, id] : siblings) text += Line("  sibling", address, id);
  return text;
}

std::string TextOf(const dataplane::RealView& r) {
  return Line("real", r.service.value(), r.address.ToString(), r.port.host(),
              static_cast<int>(r.method), r.is_available, static_cast<int>(r.remains),
              r.templates_valid, r.weight, r.upper_threshold, r.next_hop.value(), r.output.value(),
              r.next_hop.is_none() ? 0 : r.mtu_bytes) +
         Line("  egress", r.egress.mtu_bytes, r.egress.output.value(), r.egress.next_hop.value(),
              r.egress.tcp_timeout, r.egress.udp_timeout, r.egress.copies_dont_fragment,
              r.egress.mac_and_plain_mtu);
}

std::string TextOf(const dataplane::Snapshot& s) {
  std::string text = Line(s.has_ftp_service, s.has_port0_service, s.ports.size(),
                          s.classifier.rule_count(), s.service_index.size(), s.nat_sources.size(),
                          s.nat_addresses.size(), s.local_addresses.size());
  for (const auto& service : s.services) text += TextOf(service);
  for (const auto& real : s.reals) text += TextOf(real);
  std::set<std::string> rest;
  for (const auto& [key, id] : s.service_index)
    rest.insert(Line("index", key.address.ToString(), key.port.host(), key.protocol, id.value()));
  for (const auto& [key, id] : s.mark_index) rest.insert(Line("mark", key.mark, id.value()));
  for (const auto& [key, id] : s.nat_sources)
    rest.insert(Line("source", key.address.ToString(), key.port.host(), key.protocol, id.value()));
  for (const auto& [address, any] : s.nat_addresses)
    rest.insert(Line("nat", address.ToString(), any));
  for (const auto& [address, local] : s.local_addresses)
    rest.insert(Line("local", address.ToString(), local.is_vip, local.is_announced));
  for (const std::string& line : rest) text += line;
  return text;
}

// ---- stories ----------------------------------------------------------------------------------

class Story {
 public:
  explicit Story(uint32_t seed) : random_(seed), model_(ModelOf("")) {
    model_.prefix_sets = {{"far", {*Prefix::Parse("10.9.0.0/16")}}};
    model_.client_groups = {{"g", {.sets = {"far"}, .prefixes = {}}}};
  }

  void Step() {
    switch (Upto(10)) {
      case 0:
        return Add();
      case 1:
        if (!model_.services.empty()) model_.services.Remove(AnyPlace());
        return;
      case 2:
        return Surroundings();
      case 3: {
        const IpAddress real = AnyReal();
        if (!down_.insert(real).second) down_.erase(real);
        for (const ServiceConfig& service : model_.services) flipped_.insert(KeyOf(service));
        return;
      }
      case 4:
        now_ += 130s;  // ghosts are collected, and the next service may get their ids at once
        if (Upto(1) == 0) Add();
        return;
      case 5:
        if (!model_.services.empty()) overlay_.NoteEdit(KeyOf(model_.services[AnyPlace()]));
        return;
      case 6:
        overlay_ = {};
        return;
      case 7:
        path_mtus_.Learn(AnyReal(), static_cast<uint16_t>(1200 + Upto(3)), now_);
        return;
      case 8:
        presence_.is_ready = !presence_.is_ready;
        return;
      default:
        if (!model_.services.empty()) Change(&model_.services.Edit(AnyPlace()));
    }
  }

  [[nodiscard]] const ConfigModel& model() const { return model_; }
  [[nodiscard]] const Overlay& overlay() const { return overlay_; }
  [[nodiscard]] const Presence& presence() const { return presence_; }
  [[nodiscard]] const PathMtus& path_mtus() const { return path_mtus_; }
  [[nodiscard]] TimePoint now() const { return now_; }
  [[nodiscard]] bool IsDown(const IpAddress& real) const { return down_.contains(real); }
  [[nodiscard]] bool is_by_hand() const { return overlay_.edits({}) == 0 && now_ > At(500s); }
  std::set<ServiceIdentity> TakeFlipped() { return std::exchange(flipped_, {}); }

 private:
  uint32_t Upto(uint32_t n) { return std::uniform_int_distribution<uint32_t>(0, n)(random_); }
  size_t AnyPlace() { return Upto(static_cast<uint32_t>(model_.services.size()) - 1); }
  IpAddress AnyReal() { return *IpAddress::Parse("10.0.0." + std::to_string(11 + Upto(4))); }

  void Add() {
    ServiceConfig service;
    constexpr uint32_t kMark = 4, kAnyUdpPort = 5;
    const uint32_t which = Upto(5);
    service.name = "s" + std::to_string(which);
    service.mark = which == kMark ? 7 : 0;
    service.protocol = which == kMark         ? Protocol::kAny
                       : which == kAnyUdpPort ? Protocol::kUdp
                                              : Protocol::kTcp;
    if (which != kMark) service.address = Ip(which < 2 ? "192.0.2.80" : "192.0.2.81");
    if (which < 4) service.port = which == 3 ? 21 : static_cast<uint16_t>(80 + which);
    for (const ServiceConfig& other : model_.services) {
      if (KeyOf(other) == KeyOf(service)) return;
    }
    Change(&service);
    model_.services.push_back(service);
  }

  void Change(ServiceConfig* service) {
    constexpr SchedulerKind kKinds[] = {SchedulerKind::kRr, SchedulerKind::kWrr,
                                        SchedulerKind::kSh};
    constexpr ForwardMethod kMethods[] = {ForwardMethod::kNat, ForwardMethod::kDr,
                                          ForwardMethod::kTun, ForwardMethod::kFullnat};
    service->scheduler = kKinds[Upto(2)];
    service->policy.expire_nodest_conn = Upto(3) == 0;
    constexpr Announce kAnnounces[] = {Announce::kNever, Announce::kWhenReady, Announce::kAlways};
    service->announce = kAnnounces[Upto(2)];
    service->persistence.reset();
    if (Upto(1) == 0) {
      service->persistence = PersistenceConfig{};
      if (Upto(1) == 0) service->persistence->group = "both";
      if (Upto(1) == 0) service->persistence->client_groups = {"g"};
    }
    service->fallback.reset();
    if (Upto(3) == 0) service->fallback = FallbackConfig{.address = AnyReal(), .port = 8080};
    if (Upto(2) == 0) service->on_remove = OnRemove::kReset;
    std::vector<RealConfig> reals;
    for (uint32_t octet = 11; octet < 16; ++octet) {
      if (Upto(2) == 0) continue;
      RealConfig real;
      real.address = *IpAddress::Parse("10.0.0." + std::to_string(octet));
      real.port = static_cast<uint16_t>(80 + Upto(1));
      real.weight = Upto(2);
      real.forward = kMethods[Upto(3)];
      real.upper_threshold = Upto(1);
      if (Upto(4) == 0) real.state = AdminState::kDrain;
      reals.push_back(real);
    }
    service->reals = reals;
  }

  void Surroundings() {
    switch (Upto(3)) {
      case 0:
        model_.policy.no_listener = Upto(1) == 0 ? NoListener::kDrop : NoListener::kRst;
        model_.policy.service.unknown_connections =
            Upto(1) == 0 ? UnknownConnections::kDrop : UnknownConnections::kReset;
        return;
      case 1:
        model_.routes[0].via = Ip(Upto(1) == 0 ? "192.0.2.254" : "192.0.2.253");
        return;
      case 2:
        model_.prefix_sets[0].prefixes = {
            *Prefix::Parse(Upto(1) == 0 ? "10.9.0.0/16" : "10.8.0.0/16")};
        return;
      default:
        model_.classifier.clear();
        if (Upto(1) == 0) {
          model_.classifier.push_back(
              {.name = "r",
               .mark = 7,
               .destination = {.sets = {}, .prefixes = {*Prefix::Parse("192.0.2.90/32")}}});
        }
    }
  }

  std::mt19937 random_;
  ConfigModel model_;
  Overlay overlay_;
  PathMtus path_mtus_;
  Presence presence_;
  std::set<IpAddress> down_;
  std::set<ServiceIdentity> flipped_;
  TimePoint now_ = At(0s);
};

class SnapshotProperty : public testing::Test {
 protected:
  struct Side {
    IdMap ids{64};
    SnapshotBuilder builder;
    std::unique_ptr<dataplane::Snapshot> last;
  };

  void Build(const Story& story, const std::set<ServiceIdentity>& flipped, bool is_from_last,
             Side* side) {
    const InternNeighbour intern = [this](PortId port, const IpAddress& address) {
      return fabric_.neighbours.Intern(port, address);
    };
    const HealthOf health = [&](const ServiceConfig& service, const RealConfig& real) {
      RealHealth said{.state = HealthState::kUp};
      if (story.IsDown(real.address)) said.state = HealthState::kDown;
      if (!service.health.empty()) said.on_fail = service.health[0].on_fail;
      return said;
    };
    side->ids.Collect(story.now(), fabric_.loads, fabric_.stats);
    const BuildInput input{.model = story.model(),
                           .ports = ports_,
                           .overlay = story.overlay(),
                           .health = health,
                           .intern_neighbour = intern,
                           .generation = generation_,
                           .is_by_hand = story.is_by_hand(),
                           .path_mtus = &story.path_mtus(),
                           .before = is_from_last ? side->last.get() : nullptr,
                           .health_changed = flipped,
                           .presence = story.presence()};
    const Result<IdPlan> plan = PlanIds(story.model(), side->ids);
    ASSERT_TRUE(plan);
    // What would be, by a copy of the builder and before any id is given out…
    SnapshotBuilder trial = side->builder;
    const auto tried = trial.Build(input, PlannedIds(side->ids, *plan));
    // …is what will be.
    GiveOut(*plan, fabric_.stats, story.now(), &side->ids);
    auto next = side->builder.Build(input, PlannedIds(side->ids, *plan));
    ASSERT_EQ(TextOf(*tried), TextOf(*next));
    side->last = std::move(next);
  }

  dataplane::Fabric fabric_{SmallFabric()};
  std::vector<PortRuntime> ports_ = TwoPorts();
  uint64_t generation_ = 0;
};

TEST_F(SnapshotProperty, ACopyWithWhatDiffersEqualsOneMadeAnew) {
  size_t changes = 0;
  for (uint32_t seed = 1; seed <= 150 && !HasFailure(); ++seed) {
    Story story(seed);
    Side copying, anew;
    for (int step = 0; step < 40 && !HasFailure(); ++step) {
      for (int i = step % 3; i >= 0; --i) story.Step();
      const std::set<ServiceIdentity> flipped = story.TakeFlipped();
      ++generation_;
      Build(story, flipped, true, &copying);
      Build(story, flipped, false, &anew);
      ASSERT_EQ(TextOf(*copying.last), TextOf(*anew.last)) << "seed " << seed << " step " << step;
      if (copying.last->changes_since != 0) ++changes;
    }
  }
  EXPECT_GT(changes, 3000u);
}

// What makes a change cheap: the rest is not even looked at.
TEST_F(SnapshotProperty, OnlyWhatDiffersIsMadeAnew) {
  Story story(1);
  Side side;
  while (story.model().services.size() < 3) story.Step();
  ++generation_;
  Build(story, {}, true, &side);
  EXPECT_EQ(side.last->changes_since, 0u);
  const size_t services = story.model().services.size();
  EXPECT_EQ(side.last->changed_services.size(), services);
  ++generation_;
  Build(story, {}, true, &side);
  EXPECT_EQ(side.last->changes_since, generation_ - 1);
  EXPECT_EQ(side.last->changed_services.size(), 0u);
  ++generation_;
  Build(story, {KeyOf(story.model().services[0])}, true, &side);
  EXPECT_EQ(side.last->changed_services.size(), 1u);
}

}  // namespace
}  // namespace fairlead::control::snapshot_property_test
