// A load of changes equals a load of the whole: models, warnings and errors, to the character.
#include "control/config/config_loader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "load_helpers.h"

namespace fairlead::control::config_loader_test {
namespace {

constexpr const char* kHead = R"(version: 1
ports:
  - { name: outside, device: net_null0, addresses: [192.0.2.2/24] }
  - name: inside          # "quotes" and { brackets in a comment
    device: net_null1
    addresses: [10.0.0.1/24]
)";

std::string TextOf(const LoadResult& result) {
  return ToText(result.errors) + "warnings:\n" + ToText(result.warnings);
}

void ExpectEqual(const LoadResult& changes, const LoadResult& whole, const std::string& text) {
  EXPECT_EQ(TextOf(changes), TextOf(whole)) << text;
  ASSERT_EQ(changes.model.has_value(), whole.model.has_value()) << text;
  EXPECT_EQ(changes.model, whole.model) << text;
}

class ConfigLoaderTest : public testing::Test {
 protected:
  // Loads after whatever was loaded before, and says how many services were parsed for it.
  size_t Load(const std::string& text) {
    last_ = loader_.LoadText(text, "t.yaml");
    ExpectEqual(last_, LoadConfigText(text, "t.yaml"), text);
    return loader_.parsed_services();
  }
  static std::string Service(int octet, const std::string& more = "") {
    return "  - address: 192.0.2." + std::to_string(octet) +
           "\n    port: 80\n    protocol: tcp\n    reals:\n      - { address: 10.0.0." +
           std::to_string(octet) + more + " }\n";
  }

  ConfigLoader loader_;
  LoadResult last_;
  std::vector<std::string> good_;
};

TEST_F(ConfigLoaderTest, ParsesOnlyWhatHasChanged) {
  const std::string three = Service(80) + Service(81) + Service(82);
  EXPECT_EQ(Load(kHead + ("services:\n" + three)), 3u);
  const auto first = last_.model->services.item(0);
  EXPECT_EQ(Load(kHead + ("services:\n" + three)), 0u);
  EXPECT_EQ(Load(kHead + ("services:\n" + Service(80) + Service(81, ", weight: 3") + Service(82))),
            1u);
  EXPECT_EQ(last_.model->services[1].reals[0].weight, 3u);
  EXPECT_EQ(last_.model->services.item(0), first);
  // Moved, added, removed.
  EXPECT_EQ(Load(kHead + ("services:\n" + Service(82) + Service(83) + Service(80))), 1u);
  EXPECT_EQ(last_.model->services.item(2), first);
}

TEST_F(ConfigLoaderTest, ServicesAreReadAgainWhenWhatTheyTakeFromElsewhereHasChanged) {
  const std::string services = "services:\n" + Service(80) + Service(81);
  Load(kHead + services);
  EXPECT_EQ(Load(kHead + services + "log: { level: warning }\n"), 0u);
  EXPECT_EQ(Load(kHead + services + "defaults: { scheduler: rr }\n"), 2u);
  EXPECT_EQ(last_.model->services[1].scheduler, SchedulerKind::kRr);
  EXPECT_EQ(Load(kHead + services + "defaults: { scheduler: rr }\npolicy: { sloppy_tcp: true }\n"),
            2u);
}

TEST_F(ConfigLoaderTest, ARefusedFileLeavesNothingBehind) {
  const std::string good = kHead + ("services:\n" + Service(80) + Service(81));
  Load(good);
  Load(kHead + ("services:\n" + Service(80) + Service(81, ", weight: many")));
  EXPECT_FALSE(last_);
  Load(kHead + ("services:\n" + Service(80) + Service(80)));
  EXPECT_FALSE(last_);
  EXPECT_EQ(Load(good), 0u);
}

TEST_F(ConfigLoaderTest, LayoutsThatCannotBeCutAreReadAsAWhole) {
  const char* const kLayouts[] = {
      "services: [{ address: 192.0.2.80, port: 80, protocol: tcp, reals: [{ address: 10.0.0.9 }] "
      "}]\n",
      "services:\n  - address: 192.0.2.80\n    port: 80\n    protocol: tcp\n    name: \"a\n  - "
      "b\"\n",
      "services:\n-\n  address: 192.0.2.80\n  port: 80\n  protocol: tcp\n",
      "services:\n- address: 192.0.2.80\n  port: 80\n  protocol: tcp\n---\n",
      "services:\n  - address: 192.0.2.80\n    port: 80\n    protocol: tcp\n   # c\n - x\n",
      "services:\n  - address: 192.0.2.80\n    port: 80\n    protocol: tcp\n    name: |\n      a\n",
      "services:\n  - address: 192.0.2.80\n    port: 80\n    protocol: &x tcp\n",
      "services:\r\n  - address: 192.0.2.80\r\n    port: 80\r\n    protocol: tcp\r\n",
      "\"services\":\n  - address: 192.0.2.80\n    port: 80\n    protocol: tcp\n",
      "log: { level: \"warning\nservices:\n  - x\" }\n",
      "services:\n  # none\n",
      "services:\n",
  };
  for (const char* const before : kLayouts) {
    for (const char* const after : kLayouts) {
      Load(std::string(kHead) + before);
      Load(std::string(kHead) + after);
    }
  }
}

TEST_F(ConfigLoaderTest, WarningsStandWhereTheyAre) {
  const std::string far =
      "  - address: 192.0.2.90\n    port: 80\n    protocol: tcp\n    reals:\n"
      "      - address: 203.0.113.7\n";
  const std::string group = "client_groups: [{ name: idle, source: 10.9.0.0/16 }]\n";
  Load(kHead + ("services:\n" + Service(80) + far + group));
  EXPECT_EQ(last_.warnings.size(), 2u);
  EXPECT_EQ(Load(kHead + ("services:\n" + Service(80) + Service(81) + far + group)), 1u + 1u);
  EXPECT_EQ(last_.warnings.size(), 2u);
  EXPECT_EQ(Load(kHead + ("services:\n" + far + Service(80) + group)), 1u);
}

// A warning a real, and the service is parsed once for all of them.
TEST_F(ConfigLoaderTest, ManyWarningsOfOneServiceAreFoundAtOnce) {
  std::string far = "  - address: 192.0.2.90\n    port: 80\n    protocol: tcp\n    reals:\n";
  for (int i = 1; i <= 50; ++i) far += "      - address: 203.0.113." + std::to_string(i) + "\n";
  Load(kHead + ("services:\n" + Service(80) + far));
  EXPECT_EQ(last_.warnings.size(), 50u);
  EXPECT_EQ(Load(kHead + ("services:\n" + Service(80, ", weight: 2") + far)), 1u + 1u);
  EXPECT_EQ(last_.warnings.size(), 50u);
}

// Lines in the first column end the services only where a key begins.
TEST_F(ConfigLoaderTest, AListInBracketsMayReachTheFirstColumn) {
  const std::string open =
      kHead + ("services:\n" + Service(80) +
               "  - address: 192.0.2.81\n    port: 80\n    protocol: tcp\n    reals: [\n");
  Load(open + "{ address: 10.0.0.81 }\n]\n");
  Load(open);  // cut off
  Load(open + "{ address: 10.0.0.81 }\n]\n");
  Load(open + "{ log: { level: warning } }\n");
  const std::string good = kHead + ("services:\n" + Service(80) + Service(81));
  Load(good + "log: { level: info }\n");
  Load(good + "{ log: { level: warning } }\n");
}

TEST_F(ConfigLoaderTest, PrefixFilesAreLookedAtEachTime) {
  const std::string directory = testing::TempDir() + "loader-" + std::to_string(getpid()) + "/";
  std::filesystem::create_directory(directory);
  const auto write = [&](const std::string& text) { std::ofstream(directory + "set.txt") << text; };
  const std::string yaml =
      kHead + ("prefix_sets: { far: { file: set.txt } }\nservices:\n" + Service(80) + Service(81));
  const auto load = [&](const std::string& text) {
    last_ = loader_.LoadText(text, directory + "main.yaml");
    ExpectEqual(last_, LoadConfigText(text, directory + "main.yaml"), text);
  };
  write("10.1.0.0/16\n");
  load(yaml);
  load(yaml);
  EXPECT_EQ(loader_.parsed_services(), 0u);
  write("10.1.0.0/16\n10.2.0.0/16\n");
  load(yaml);
  EXPECT_EQ(last_.model->prefix_sets[0].prefixes.size(), 2u);
  EXPECT_EQ(loader_.parsed_services(), 0u);
  write("10.1.0.0/16\nnonsense\n");
  load(yaml);
  EXPECT_FALSE(last_);
  // The file is mended while something else is broken: the next load must not miss it.
  write("10.3.0.0/16\n");
  load(yaml + "nonsense: 1\n");
  EXPECT_FALSE(last_);
  load(yaml);
  EXPECT_EQ(last_.model->prefix_sets[0].prefixes[0].ToString(), "10.3.0.0/16");
  std::filesystem::remove_all(directory);
}

// ---- random files, edited at random -----------------------------------------------------------

class Writer {
 public:
  explicit Writer(uint32_t seed) : random_(seed) {}

  std::vector<std::string> File() {
    std::vector<std::string> lines{
        "version: 1", "ports:", "  - { name: p, device: d, addresses: [192.0.2.2/24] }"};
    if (Upto(3) == 0) lines.emplace_back("client_groups: [{ name: g, source: 10.0.0.0/8 }]");
    if (Upto(3) == 0) lines.emplace_back("defaults: { scheduler: rr }");
    lines.emplace_back("services:");
    indent_ = std::string(Upto(2), ' ');
    for (uint32_t i = Upto(5); i > 0; --i) AddService(&lines);
    if (Upto(2) == 0) lines.emplace_back("policy:\n  sloppy_tcp: true");
    if (Upto(2) == 0) lines.emplace_back("log: { level: info }");
    return lines;
  }

  void Edit(std::vector<std::string>* lines) {
    const size_t at = Upto(static_cast<uint32_t>(lines->size()) - 1);
    std::string& line = (*lines)[at];
    switch (Upto(9)) {
      case 0:
        lines->erase(lines->begin() + static_cast<ptrdiff_t>(at));
        break;
      case 1:
        lines->insert(lines->begin() + static_cast<ptrdiff_t>(at), line);
        break;
      case 2:
        std::swap(line, (*lines)[Upto(static_cast<uint32_t>(lines->size()) - 1)]);
        break;
      case 3:
        line.insert(Upto(static_cast<uint32_t>(line.size())), 1, kBytes[Upto(sizeof kBytes - 2)]);
        break;
      case 4:
        if (!line.empty()) line.erase(Upto(static_cast<uint32_t>(line.size()) - 1), 1);
        break;
      case 5:
        line += "  # é";
        break;
      case 6: {
        std::vector<std::string> service;
        AddService(&service);
        lines->insert(lines->begin() + static_cast<ptrdiff_t>(at), service.begin(), service.end());
        break;
      }
      default:
        if (const size_t digit = line.find_last_of("0123456789"); digit != std::string::npos) {
          line[digit] = static_cast<char>('0' + Upto(9));
        }
    }
    if (lines->empty()) lines->emplace_back();
  }

 private:
  static constexpr char kBytes[] = "  -#:\"'{}[],&*!|>%@?\t\r\n~0a";

  uint32_t Upto(uint32_t n) { return std::uniform_int_distribution<uint32_t>(0, n)(random_); }

  void AddService(std::vector<std::string>* lines) {
    const std::string in = indent_ + "  ";
    lines->push_back(indent_ + "- address: 192.0.2." + std::to_string(Upto(40)));
    lines->push_back(in + "port: " + std::to_string(80 + Upto(1)));
    lines->push_back(in + "protocol: tcp");
    if (Upto(3) == 0) lines->push_back(in + "name: s" + std::to_string(Upto(9)));
    if (Upto(3) == 0) lines->push_back(in + "persistence: { client_groups: [g] }");
    if (Upto(3) == 0) lines->push_back(in + "# - address: 192.0.2.9");
    if (Upto(5) == 0) lines->push_back(in + "health: { type: http, path: \"/- x\" }");
    if (Upto(5) == 0) lines->emplace_back();
    lines->push_back(in + "reals:");
    for (uint32_t i = Upto(2); i > 0; --i) {
      lines->push_back(in + "- { address: 192.0.2." + std::to_string(100 + Upto(9)) +
                       ", weight: " + std::to_string(Upto(3)) + " }");
    }
    if (lines->back().ends_with("reals:")) lines->pop_back();
  }

  std::mt19937 random_;
  std::string indent_;
};

TEST_F(ConfigLoaderTest, EqualsALoadOfTheWholeForRandomEdits) {
  size_t accepted = 0, reused = 0;
  for (uint32_t seed = 1; seed <= 400; ++seed) {
    Writer writer(seed);
    std::vector<std::string> lines = writer.File();
    for (int edit = 0; edit < 12 && !HasFailure(); ++edit) {
      std::string text;
      for (const std::string& line : lines) text += line + "\n";
      const size_t parsed = Load(text);
      accepted += last_ ? 1 : 0;
      reused += last_ && parsed < last_.model->services.size() ? 1 : 0;
      // Mostly on from a file that was right.
      if (last_ || edit == 0) good_ = lines;
      lines = good_;
      writer.Edit(&lines);
    }
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
  EXPECT_GT(accepted, 600u);
  EXPECT_GT(reused, 200u);
}

// Local addresses depend on what is said elsewhere: whatever changes there, a load of changes comes
// to the verdict of a load of the whole, which Load compares.
TEST_F(ConfigLoaderTest, LocalAddressesAreHeldAgainstAllOfTheFile) {
  struct File {
    std::string set = "[10.0.0.64/30, \"fd00::40/126\"]";
    std::string rules = "[{ destination: 192.0.2.90, mark: 1 }]";
    std::string snat = "[]", routes = "[]";
    std::string vip = "192.0.2.81", real = "10.0.0.81", more = "";
    std::string forward = "nat";
  };
  const auto text_of = [](const File& f) {
    const std::string pool = "{ method: fullnat, local_addresses: \"@pool\" }";
    std::string text = kHead;
    text.replace(text.find("10.0.0.1/24"), 11, "10.0.0.1/24, \"fd00::1/64\"");
    return text + "prefix_sets:\n  pool: " + f.set + "\nclassifier: " + f.rules +
           "\nroutes: " + f.routes +
           "\nservices:\n  - mark: 1\n    reals: [{ address: "
           "10.0.0.11 }]\n    forward: " +
           pool +
           "\n  - mark: 1\n    family: ipv6\n    reals: [{ address: \"fd00::11\" }]\n    "
           "forward: " +
           pool + "\n  - address: " + f.vip +
           "\n    port: 80\n    protocol: tcp\n    forward: " + f.forward +
           "\n    reals: [{ address: " + f.real + " }]\n" + f.more + "snat: " + f.snat + "\n";
  };
  const struct {
    const char* what;
    File file;
    bool is_good;
  } kCases[] = {
      {"a set has another address", {.set = "[10.0.0.68, \"fd00::40\"]"}, true},
      {"a set has no IPv6 any more", {.set = "[10.0.0.64/30]"}, false},
      {"a set has no IPv4 any more", {.set = "[\"fd00::40/126\"]"}, false},
      {"a set is empty", {.set = "[]"}, false},
      {"a set is too long", {.set = "[10.7.0.0/16, \"fd00::40/126\"]"}, false},
      {"a set takes a virtual address", {.set = "[192.0.2.81, \"fd00::40/126\"]"}, false},
      {"a set takes a real server", {.set = "[10.0.0.80/29, \"fd00::40/126\"]"}, false},
      {"a set takes the address of a mark", {.set = "[192.0.2.90, \"fd00::40/126\"]"}, false},
      {"a rule takes a local address",
       {.rules = "[{ destination: [192.0.2.90, 10.0.0.65], mark: 1 }]"},
       false},
      {"a rule of no service may", {.rules = "[{ destination: 10.0.0.65, mark: 9 }]"}, true},
      {"a rule of source NAT takes one",
       {.snat = "[{ source: 10.0.0.0/24, output: outside, addresses: [10.0.0.66] }]"},
       false},
      {"a rule of source NAT takes a real server",
       {.snat = "[{ source: 10.0.0.0/24, output: outside, addresses: [10.0.0.81] }]"},
       false},
      {"a next hop takes a virtual address",
       {.routes = "[{ to: 10.9.0.0/16, via: 192.0.2.81 }]"},
       false},
      {"a next hop takes one", {.routes = "[{ to: 10.9.0.0/16, via: 10.0.0.67 }]"}, false},
      {"a service takes one", {.vip = "10.0.0.64"}, false},
      {"a real server takes one", {.real = "10.0.0.67"}, false},
      {"a service is added that does",
       {.more = "  - address: 10.0.0.65\n    port: 81\n    protocol: tcp\n"},
       false},
      {"one more way of FULLNAT",
       {.forward = "{ method: fullnat, local_addresses: [10.0.0.70] }"},
       true},
      {"with the address of somebody else",
       {.forward = "{ method: fullnat, local_addresses: [10.0.0.11] }"},
       false},
  };
  const std::string good = text_of({});
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.what);
    Load(good);
    ASSERT_TRUE(last_) << ToText(last_.errors);
    Load(text_of(c.file));
    EXPECT_EQ(static_cast<bool>(last_), c.is_good) << ToText(last_.errors);
    Load(good);
    EXPECT_TRUE(last_) << ToText(last_.errors);
  }
}

TEST_F(ConfigLoaderTest, SideRecordsFollowTheServices) {
  const std::string pool =
      Service(82) + "    forward: { method: fullnat, local_addresses: [10.0.0.64] }\n";
  const auto records = [this](const std::string& text) {
    Load(kHead + text);
    return last_ ? last_.model->director.side_records : 0;
  };
  EXPECT_EQ(records("services:\n" + Service(80)), 256u << 10);
  EXPECT_EQ(records("services:\n" + Service(80) + pool), 1u << 20);
  EXPECT_EQ(records("services:\n" + pool), 1u << 20);
  EXPECT_EQ(records("services:\n" + pool + "director: { connections: 64k }\n"), 64u << 10);
  EXPECT_EQ(records("services:\n" + Service(80) + "director: { connections: 64k }\n"), 16u << 10);
  EXPECT_EQ(records("services:\n" + pool + "director: { side_records: 4k }\n"), 4u << 10);
  EXPECT_EQ(records("services:\n" + Service(80) + "director: { side_records: 4k }\n"), 4u << 10);
  EXPECT_EQ(records("services:\n" + Service(80)), 256u << 10);
}

}  // namespace
}  // namespace fairlead::control::config_loader_test
