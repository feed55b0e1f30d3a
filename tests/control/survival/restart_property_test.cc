// A restart changes nothing: a director that dies after any steps and one that never does are, from
// then on, the same: model, changes by hand, ids, and what workers do with every real. Over random
// edits, reloads of any of two files, and deaths in between.
//
// A story that fails is made shorter for as long as it goes on failing, and then shown.
#include <random>

#include "control/config/dump.h"
#include "control/model_diff.h"
#include "machine.h"

namespace fairlead::control::restart_property_test {
namespace {

using namespace std::chrono_literals;

struct Step {
  enum class Kind { kEdit, kReload, kRestart } kind = Kind::kRestart;
  Edit edit = RemoveAllServices{};  // kEdit
  std::string file{}, yaml{};       // kReload: what is written there first
  std::string text{};               // for people
};
using Story = std::vector<Step>;

class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  Story Make() {
    Story story;
    for (uint32_t i = 3 + Upto(9); i > 0; --i) story.push_back(AnyStep());
    story.push_back(Restart());
    return story;
  }

  std::string File() {
    std::string yaml = Maybe() ? "defaults: { timeouts: { tcp: 3m } }\n" : "";
    std::string services;
    for (uint32_t port = 80; port < 84; ++port) {
      if (Upto(2) > 0) services += "  - " + Service(port) + "\n";
    }
    return yaml + (services.empty() ? "services: []\n" : "services:\n" + services);
  }

 private:
  uint32_t Upto(uint32_t n) { return std::uniform_int_distribution<uint32_t>(0, n)(random_); }
  bool Maybe() { return Upto(1) == 1; }
  std::string Address() { return "10.0.0." + std::to_string(11 + Upto(4)); }
  std::string Name() { return "s" + std::to_string(80 + Upto(3)); }

  std::string Real(const std::string& address) {
    constexpr const char* kStates[] = {"up", "up", "quiesce", "drain", "down"};
    return "{ address: " + address + ", weight: " + std::to_string(Upto(3)) +
           ", forward: " + (Maybe() ? "nat" : "dr") + ", state: " + kStates[Upto(4)] + " }";
  }
  std::string Service(uint32_t port) {
    constexpr const char* kSchedulers[] = {"wrr", "mh", "sh", "wlc"};
    std::string reals;
    for (uint32_t octet = 11; octet < 16; ++octet) {
      if (octet == 15 || Maybe()) {
        reals += (reals.empty() ? "" : ", ") + Real("10.0.0." + std::to_string(octet));
      }
    }
    return "{ name: s" + std::to_string(port) +
           ", address: 192.0.2.80, protocol: tcp, port: " + std::to_string(port) +
           ", scheduler: " + kSchedulers[Upto(3)] + (Maybe() ? ", on_remove: expire" : "") +
           (Maybe() ? ", persistence: { timeout: 5m }" : "") + ", reals: [ " + reals + " ] }";
  }

  static Step Restart() { return {.text = "restart"}; }
  Step AnyStep() {
    const uint32_t which = Upto(9);
    if (which == 0) return Restart();
    if (which > 2) return AnyEdit();
    Step step{.kind = Step::Kind::kReload, .file = Maybe() ? "a.yaml" : "b.yaml", .yaml = File()};
    step.text = "reload " + step.file + " with\n" + step.yaml;
    return step;
  }
  // It may be refused; then it changes nothing, on both.
  Step AnyEdit() {
    const std::string name = Name(), real = Address();
    const auto edit = [](Edit what, const std::string& text) {
      return Step{.kind = Step::Kind::kEdit, .edit = std::move(what), .text = text};
    };
    switch (Upto(9)) {
      case 0: {
        const std::string body = Service(80 + Upto(3));
        return edit(AddService{body}, "add " + body);
      }
      case 1:
        return edit(RemoveService{name}, "remove " + name);
      case 2: {
        const std::string body = Real(real);
        return edit(AddReal{name, body}, "add to " + name + " " + body);
      }
      case 3:
        return edit(RemoveReal{name, real}, "remove " + name + " " + real);
      case 4:
        return edit(PatchService{name, "{ scheduler: mh, on_remove: hold }"}, "patch " + name);
      case 5:
        return edit(PatchTimeouts{"{ tcp: 7m }"}, "patch timeouts");
      case 6:
        return edit(PatchPolicy{"{ expire_nodest_conn: true }"}, "patch policy");
      case 7:
        return edit(DrainReal{name, real, "{ deadline: 300s }"}, "drain " + name + " " + real);
      default: {
        const std::string body = "{ weight: " + std::to_string(Upto(2)) + " }";
        return edit(PatchReal{name, real, body}, "patch " + name + " " + real + " " + body);
      }
    }
  }

  std::mt19937 random_;
};

std::string TextOf(const dataplane::RealView& real) {
  return std::to_string(real.service.value()) + " " + real.address.ToString() + ":" +
         std::to_string(real.port.host()) + " method " +
         std::to_string(static_cast<int>(real.method)) + " remains " +
         std::to_string(static_cast<int>(real.remains)) + (real.is_available ? " there" : "") +
         (real.templates_valid ? " takes clients" : "") + " weight " + std::to_string(real.weight) +
         "\n";
}

// All that must be the same.
std::string TextOf(Machine& machine) {
  const std::shared_ptr<const ControlView> view = machine.view();
  std::string text = "file " + std::filesystem::path(view->config_path).filename().string() + "\n" +
                     Dump(*view->model) + "--- file\n" + Dump(*view->file_model) + "--- diff\n";
  for (const std::string& line : *view->differences) text += line + "\n";
  const StoredNames names = machine.ids().Names();
  text += "--- ids\n";
  for (const StoredNames::Service& service : names.services) {
    text += std::to_string(service.id.value()) + " is port " + std::to_string(service.key.port) +
            (service.is_configured ? "" : ", removed") + "\n";
  }
  for (const StoredNames::Real& real : names.reals) {
    text += std::to_string(real.id.value()) + " is " + real.key.address.ToString() + " of " +
            std::to_string(real.service.value()) + "\n";
  }
  for (const RealId id : names.free_reals) text += std::to_string(id.value()) + " is free\n";
  text += "--- reals\n";
  for (const dataplane::RealView& real : machine.snapshot().reals) text += TextOf(real);
  const Overlay& overlay = machine.director().publication().in_force().overlay;
  for (const auto& [key, weight] : overlay.last_weights()) {
    text += "had " + std::to_string(weight) + " " + key.second.address.ToString() + "\n";
  }
  for (const auto& [key, plan] : overlay.drains()) {
    text += "drains until " + std::to_string(plan.until->time_since_epoch().count()) + "\n";
  }
  return text;
}

class RestartProperty : public testing::Test {
 protected:
  RestartProperty() { SetLogLevel(static_cast<LogLevel>(9)); }
  ~RestartProperty() override { SetLogLevel(LogLevel::kInfo); }

  // Lives through it; restarts only if asked.
  static std::string Live(const Story& story, const std::string& file, bool restarts) {
    Machine machine(restarts ? "restart-property" : "restart-property-not");
    machine.Write("a.yaml", file);
    machine.Start();
    std::chrono::milliseconds now{0};
    for (const Step& step : story) {
      if (step.kind == Step::Kind::kEdit) {
        machine.Change(step.edit);
      } else if (step.kind == Step::Kind::kReload) {
        machine.Write(step.file, step.yaml);
        machine.Reload(step.file);
      } else if (restarts) {
        machine.Restart();
      }
      machine.now = At(now += 100ms);  // as on the other machine
      machine.Turn();
    }
    return TextOf(machine);
  }
  static bool Holds(const Story& story, const std::string& file) {
    return Live(story, file, true) == Live(story, file, false);
  }
  static Story Shrink(Story story, const std::string& file) {
    for (size_t i = 0; i < story.size();) {
      Story shorter = story;
      shorter.erase(shorter.begin() + static_cast<ptrdiff_t>(i));
      if (Holds(shorter, file)) {
        ++i;
      } else {
        story = std::move(shorter);
        i = 0;
      }
    }
    return story;
  }
};

TEST_F(RestartProperty, ARestartChangesNothing) {
  constexpr uint32_t kStories = 300;
  for (uint32_t seed = 1; seed <= kStories; ++seed) {
    Generator generator(seed);
    const std::string file = generator.File();
    const Story story = generator.Make();
    if (Holds(story, file)) continue;
    const Story least = Shrink(story, file);
    std::string text = "a start with\n" + file;
    for (const Step& step : least) text += "then " + step.text + "\n";
    EXPECT_EQ(Live(least, file, true), Live(least, file, false)) << "seed " << seed << ": " << text;
    return;
  }
}

}  // namespace
}  // namespace fairlead::control::restart_property_test
