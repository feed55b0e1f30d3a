// Reload equals restart: after any changes by hand and a reload of any file, the workers see what
// they would see had the director been started with that file. Over services, list order, weights
// and the tables of the schedulers; not over cursors, which survive a reload and not a restart, and
// not over ids and ghosts, which are history.
//
// A pair that fails is made smaller for as long as it goes on failing, and then shown.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <numeric>
#include <random>

#include "control/apply_edit.h"
#include "control/config/dump.h"
#include "control/director.h"
#include "control/model_diff.h"
#include "director_fixture.h"

namespace fairlead::control::reload_property_test {
namespace {

using namespace std::chrono_literals;

struct Story {
  ConfigModel before;  // the director starts with this
  std::vector<Edit> edits;
  ConfigModel after;  // and reloads this
};

// ---- making stories ---------------------------------------------------------------------------

class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  // The file read again may be any other, the one of the start, or what was done by hand written
  // down: the last two are where something left behind would show.
  Story Make() {
    Story story{.before = Model(), .edits = {}, .after = {}};
    Intent intent{std::make_shared<const ConfigModel>(story.before)};
    for (uint32_t i = Upto(8); i > 0; --i) {
      story.edits.push_back(AnyEdit(*intent.model));
      EditResult result = ApplyEdit(story.edits.back(), intent);
      if (auto* edited = std::get_if<Edited>(&result)) intent = std::move(edited->intent);
    }
    const uint32_t which = Upto(2);
    story.after = which == 0 ? Model() : which == 1 ? story.before : *intent.model;
    return story;
  }

 private:
  uint32_t Upto(uint32_t n) { return std::uniform_int_distribution<uint32_t>(0, n)(random_); }
  bool Maybe() { return Upto(1) == 1; }

  // Few keys, so that both models share some and the edits hit some.
  ConfigModel Model() {
    ConfigModel model = ModelOf("");
    if (Maybe()) model.defaults.timeouts.tcp = 1min * (1 + Upto(3));
    if (Maybe()) model.policy.service.expire_quiescent_template = true;
    for (uint32_t i = 0; i < 4; ++i) {
      if (Maybe()) model.services.push_back(Service(model, i));
    }
    std::vector<size_t> order(model.services.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::shuffle(order, random_);
    model.services = model.services.Reordered(order);
    return model;
  }

  ServiceConfig Service(const ConfigModel& model, uint32_t number) {
    ServiceConfig service;
    service.name = "s" + std::to_string(number);
    if (number == 3) {
      service.mark = 7;
      service.protocol = Protocol::kAny;
    } else {
      service.address = Ip("192.0.2.80");
      service.port = static_cast<uint16_t>(80 + number);
    }
    // Those with tables and memories more often.
    constexpr SchedulerKind kOften[] = {SchedulerKind::kMh, SchedulerKind::kSh,
                                        SchedulerKind::kWrr};
    service.scheduler =
        Maybe() ? kOften[Upto(2)] : sched::kAllKinds[Upto(sched::kAllKinds.size() - 1)];
    const bool has_flags =
        service.scheduler == SchedulerKind::kSh || service.scheduler == SchedulerKind::kMh;
    service.scheduler_flags = {.port = has_flags && Maybe(), .fallback = has_flags && Maybe()};
    if (Maybe()) service.persistence = PersistenceConfig{.timeout = 1min * (1 + Upto(2))};
    service.timeouts = model.defaults.timeouts;
    service.policy = model.policy.service;
    for (uint32_t octet = 11; octet < 17; ++octet) {
      if (Maybe()) service.reals.push_back(Real(service, octet));
    }
    std::shuffle(service.reals.begin(), service.reals.end(), random_);
    return service;
  }

  RealConfig Real(const ServiceConfig& service, uint32_t octet) {
    RealConfig real;
    real.address = *IpAddress::Parse("10.0.0." + std::to_string(octet));
    real.port = service.port;
    real.weight = Upto(2);
    if (Maybe()) real.forward = ForwardMethod::kDr;
    if (Upto(4) == 0) real.state = AdminState::kQuiesce;
    if (Upto(4) == 0) real.upper_threshold = 1 + Upto(9);
    return real;
  }

  // It may be refused; then it changes nothing, which is part of the story too.
  Edit AnyEdit(const ConfigModel& model) {
    if (model.services.empty())
      return AddService{"{ name: s0, address: 192.0.2.80, protocol: tcp, port: 80 }"};
    const ServiceConfig& service =
        model.services[Upto(static_cast<uint32_t>(model.services.size()) - 1)];
    const bool is_known = !service.reals.empty() && Upto(4) > 0;
    const std::string real =
        is_known ? NameOf(service.reals[Upto(static_cast<uint32_t>(service.reals.size()) - 1)])
                 : "10.0.0." + std::to_string(11 + Upto(5));
    const std::string weight = std::to_string(Upto(2));
    switch (Upto(6)) {
      case 0:
        return RemoveService{service.name};
      case 1:
        return AddReal{service.name, "{ address: 10.0.0." + std::to_string(11 + Upto(5)) +
                                         ", weight: " + weight + " }"};
      case 2:
        return RemoveReal{service.name, real};
      case 3:
        return PatchService{service.name, "{ scheduler: mh }"};
      case 4:
        return PatchTimeouts{"{ tcp: 7m }"};
      default:
        return PatchReal{service.name, real, "{ weight: " + weight + " }"};
    }
  }

  std::mt19937 random_;
};

// ---- what workers see -------------------------------------------------------------------------

std::string TextOf(const dataplane::ServiceView& service, const dataplane::Snapshot& snapshot) {
  std::string text(sched::KindName(service.plan.kind()));
  text += service.plan.flags().port ? " port" : "";
  text += service.plan.flags().fallback ? " fallback" : "";
  text += " persistence " + std::to_string(service.persistence.is_enabled) + " " +
          std::to_string(service.persistence.timeout) + " eqt " +
          std::to_string(service.policy.expire_quiescent_template) + "\n";
  for (const auto& position : service.plan.reals()) {
    const dataplane::RealView& real = snapshot.reals[position.id.index()];
    text += "  " + real.address.ToString() + ":" + std::to_string(real.port.host()) + " weight " +
            std::to_string(position.weight) + " method " +
            std::to_string(static_cast<int>(real.method)) + " upper " +
            std::to_string(real.upper_threshold) + " available " +
            std::to_string(real.is_available) + "\n";
  }
  const sched::Tables& tables = service.plan.tables();
  text += "  step " + std::to_string(tables.weight_step) + " ceiling " +
          std::to_string(tables.weight_ceiling) + " slots";
  for (const uint16_t slot : tables.slots) text += " " + std::to_string(slot);
  return text + "\n";
}

std::string TextOf(const dataplane::Snapshot& snapshot) {
  std::map<std::string, std::string> services, addresses;
  for (const auto& [key, id] : snapshot.service_index) {
    services[key.address.ToString() + ":" + std::to_string(key.port.host()) + "/" +
             std::to_string(key.protocol)] = TextOf(snapshot.services[id.index()], snapshot);
  }
  for (const auto& [key, id] : snapshot.mark_index) {
    services["mark " + std::to_string(key.mark)] = TextOf(snapshot.services[id.index()], snapshot);
  }
  for (const auto& [address, local] : snapshot.local_addresses) {
    addresses[address.ToString()] = local.is_vip ? " vip" : "";
  }
  std::string text;
  for (const auto& [key, service] : services) text += key + ": " + service;
  for (const auto& [address, what] : addresses) text += address + what + "\n";
  return text;
}

std::string TextOf(const Edit& edit) {
  return std::visit(
      [](const auto& e) {
        std::string text;
        if constexpr (requires { e.service; }) text += " service " + e.service;
        if constexpr (requires { e.real; }) text += " real " + e.real;
        if constexpr (requires { e.body; }) text += " " + e.body.text();
        return std::to_string(Edit(e).index()) + text + "\n";
      },
      edit);
}

class World {
 public:
  explicit World(const ConfigModel& model)
      : director_(fabric_, model, "start.yaml", TwoPorts(), prober_, 1) {
    EXPECT_TRUE(director_.PublishFirst(now_));
    Settle();
  }
  void Apply(const Edit& edit) {
    director_.Change(edit, [](const EditOutcome&) {});
    Settle();
  }
  void Reload(const std::string& path) {
    director_.Reload(path, [](const ReloadOutcome& outcome) { EXPECT_TRUE(outcome.ok); });
    Settle();
  }
  std::string Text() { return TextOf(*fabric_.publisher.current()); }

 private:
  void Settle() {
    for (int i = 0; i < 3; ++i) {
      AdoptAll(fabric_);
      director_.Turn(now_ += 5ms);
    }
  }

  dataplane::Fabric fabric_{SmallFabric()};
  SilentProber prober_;
  TimePoint now_ = At(0s);
  Director director_;
};

class ReloadProperty : public testing::Test {
 protected:
  ReloadProperty() { SetLogLevel(LogLevel::kError); }
  ~ReloadProperty() override {
    SetLogLevel(LogLevel::kInfo);
    std::filesystem::remove(path_);
  }

  bool Holds(const Story& story) {
    std::ofstream(path_) << Dump(story.after);
    World lived(story.before);
    for (const Edit& edit : story.edits) lived.Apply(edit);
    lived.Reload(path_);
    return lived.Text() == World(story.after).Text();
  }

  // Each a little smaller than `story`.
  static std::vector<Story> Smaller(const Story& story) {
    std::vector<Story> all;
    for (size_t i = 0; i < story.edits.size(); ++i) {
      all.push_back(story);
      all.back().edits.erase(all.back().edits.begin() + static_cast<ptrdiff_t>(i));
    }
    for (ConfigModel Story::*const model : {&Story::before, &Story::after}) {
      for (size_t s = 0; s < (story.*model).services.size(); ++s) {
        all.push_back(story);
        (all.back().*model).services.Remove(s);
        for (size_t r = 0; r < (story.*model).services[s].reals.size(); ++r) {
          all.push_back(story);
          auto& reals = (all.back().*model).services.Edit(s).reals;
          reals.erase(reals.begin() + static_cast<ptrdiff_t>(r));
        }
      }
    }
    return all;
  }

  Story Shrink(Story story) {
    for (;;) {
      const std::vector<Story> candidates = Smaller(story);
      const auto failing = std::ranges::find_if(
          candidates, [this](const Story& candidate) { return !Holds(candidate); });
      if (failing == candidates.end()) return story;
      story = *failing;
    }
  }

  const std::string path_ =
      testing::TempDir() + "reload-property-" + std::to_string(getpid()) + ".yaml";
};

TEST_F(ReloadProperty, ReloadEqualsRestart) {
  constexpr uint32_t kStories = 300;
  for (uint32_t seed = 1; seed <= kStories; ++seed) {
    const Story story = Generator(seed).Make();
    if (Holds(story)) continue;
    const Story least = Shrink(story);
    std::string edits;
    for (const Edit& edit : least.edits) edits += TextOf(edit);
    ADD_FAILURE() << "seed " << seed << ", made smaller: a start with\n"
                  << Dump(least.before) << "\nthen the edits (kind, where, body)\n"
                  << edits << "\nthen a reload of\n"
                  << Dump(least.after);
    return;
  }
}

}  // namespace
}  // namespace fairlead::control::reload_property_test
