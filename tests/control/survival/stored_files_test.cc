// The files of kept state: what is written is read, and anything else is refused with a sentence.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "control/survival/bytes.h"
#include "control/survival/state_store.h"
#include "control/survival/stored_file.h"
#include "director_fixture.h"

namespace fairlead::control::stored_files_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const ServiceIdentity kWeb{.protocol = 6, .address = Ip("192.0.2.80"), .port = 80};
const ServiceIdentity kMark{.mark = 7, .family = Family::kIpv6};

StoredNames SomeNames() {
  StoredNames names;
  names.services = {
      {.id = ServiceId{1}, .key = kWeb, .is_configured = true, .on_remove = OnRemove::kReset},
      {.id = ServiceId{0}, .key = kMark, .retired = {.in_bytes = 99}, .zero = {.connections = 5}}};
  names.reals = {{.id = RealId{2},
                  .service = ServiceId{1},
                  .key = {Ip("10.0.0.11"), 80},
                  .kept = {.method = ForwardMethod::kDr, .is_draining = true},
                  .baseline = {1, 2, 3, 4, 5}},
                 {.id = RealId{0},
                  .service = ServiceId{0},
                  .key = {Ip("2001:db8::11"), 0},
                  .kept = {.method = ForwardMethod::kTun,
                           .tunnel = {TunnelType::kGue, TunnelChecksum::kRemote, 6081},
                           .is_drain_over = true,
                           .removed_by_hand = false},
                  .zero = {.out_packets = 7}}};
  names.reals.push_back({.id = RealId{4},
                         .service = ServiceId{1},
                         .key = {Ip("10.0.0.12"), 80},
                         .is_unknown = true,
                         .kept = {.method = ForwardMethod::kTun}});
  names.free_reals = {RealId{3}, RealId{1}};
  names.total_zero = {.connections = 12};
  return names;
}

StoredIntent SomeIntent() {
  StoredIntent intent;
  intent.boot = "b";
  intent.start_path = "/etc/a.yaml";
  intent.path = "/etc/b.yaml";
  intent.start_mark = {7, 9};
  intent.file_services = 3;
  intent.services = {{.key = kWeb, .place = 2, .text = {"file: 1", "running: 2"}}};
  intent.policy = {"a: 1", "a: 2"};
  intent.ipvs_sync = {"b: 1", ""};
  intent.last_weights = {{{kWeb, {Ip("10.0.0.11"), 80}}, 5}};
  intent.drains = {
      {{kWeb, {Ip("10.0.0.12"), 80}}, {.until = At(std::chrono::seconds{5}), .then_remove = true}}};
  return intent;
}

KnownHealth SomeChecks() {
  return {.checks = {{.key = "k",
                      .question = "q",
                      .reals = {{kWeb, {Ip("10.0.0.11"), 80}}},
                      .is_down = true,
                      .streak = 1,
                      .detail = "refused",
                      .is_proven = false,
                      .since_ms = 1'700'000'000'000,
                      .downs = 4,
                      .downtime_ms = 77'000,
                      .weight = 9,
                      .wanted = 1}},
          .lost_quorums = {kWeb}};
}

class StoredFiles : public testing::Test {
 protected:
  StoredFiles() { std::filesystem::create_directories(directory_); }
  ~StoredFiles() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string PathOf(const StoredKind& kind) const {
    return directory_ + "/" + kind.name;
  }
  void Overwrite(const StoredKind& kind, const std::string& bytes) const {
    std::ofstream(PathOf(kind), std::ios::binary) << bytes;
  }

  const std::string directory_ = testing::TempDir() + "stored-files-" + std::to_string(getpid());
};

TEST_F(StoredFiles, NamesComeBackAsTheyWere) {
  const std::string contents = EncodeNames(SomeNames());
  const Result<StoredNames> names = DecodeNames(contents, 64);
  ASSERT_TRUE(names) << names.error().ToString();
  EXPECT_EQ(EncodeNames(*names), contents);
  EXPECT_EQ(names->reals[0].key, (RealIdentity{Ip("10.0.0.11"), 80}));
  EXPECT_EQ(names->reals[0].kept, SomeNames().reals[0].kept);
  EXPECT_EQ(names->reals[1].kept, SomeNames().reals[1].kept);
  EXPECT_FALSE(names->reals[1].is_unknown);
  EXPECT_EQ(names->reals[2].kept, SomeNames().reals[2].kept);
  EXPECT_TRUE(names->reals[2].is_unknown);
  EXPECT_EQ(names->reals[0].baseline.out_bytes, 5u);
  EXPECT_EQ(names->services[0].on_remove, OnRemove::kReset);
  EXPECT_EQ(names->services[1].key, kMark);
  EXPECT_EQ(names->services[1].retired.in_bytes, 99u);
  EXPECT_EQ(names->total_zero.connections, 12u);
  EXPECT_EQ(names->free_reals, SomeNames().free_reals);
}

// Which had no tunnels: all are IP in IP.
TEST_F(StoredFiles, NamesOfVersion1AreRead) {
  StoredNames names = SomeNames();
  for (StoredNames::Real& real : names.reals) {
    real.kept.tunnel = {TunnelType::kGue, TunnelChecksum::kRemote, 0x2a2a};
  }
  constexpr std::string_view kTunnel("\1\2**");
  std::string earlier = EncodeNames(names);
  size_t cut = 0;
  for (size_t at = 0; (at = earlier.find(kTunnel)) != std::string::npos; ++cut) {
    earlier.erase(at, kTunnel.size());
  }
  ASSERT_EQ(cut, names.reals.size());
  StoredKind first = kNamesFile;
  first.version = 1;
  Overwrite(kNamesFile, SealStored(first, earlier));
  const KeptState state = ReadState(directory_, 64);
  EXPECT_THAT(state.problems, IsEmpty());
  ASSERT_TRUE(state.names);
  ASSERT_EQ(state.names->reals.size(), names.reals.size());
  for (size_t i = 0; i < names.reals.size(); ++i) {
    names.reals[i].kept.tunnel = {};
    EXPECT_EQ(state.names->reals[i].kept, names.reals[i].kept);
  }
  EXPECT_FALSE(DecodeNames(earlier, 64, 2));
}

TEST_F(StoredFiles, IntentAndHealthComeBackAsTheyWere) {
  const Result<StoredIntent> intent = DecodeIntent(EncodeIntent(SomeIntent()), kIntentFile.version);
  ASSERT_TRUE(intent);
  EXPECT_EQ(EncodeIntent(*intent), EncodeIntent(SomeIntent()));
  EXPECT_EQ(intent->drains[0].second, SomeIntent().drains[0].second);
  EXPECT_EQ(intent->services[0].text, SomeIntent().services[0].text);
  EXPECT_EQ(intent->ipvs_sync, SomeIntent().ipvs_sync);
  const auto checks = DecodeHealth(EncodeHealth(SomeChecks()));
  ASSERT_TRUE(checks);
  EXPECT_EQ(*checks, SomeChecks());
}

TEST_F(StoredFiles, AuthorsComeBackAndOlderDirectorsReadWhatHasNone) {
  StoredIntent intent = SomeIntent();
  EXPECT_EQ(KindOf(intent).version, 2u);
  EXPECT_TRUE(DecodeIntent(EncodeIntent(intent), 2));
  intent.authors = {{"shop", "ipvs: ipvsadm, pid 814"}, {"web", "ipvs: keepalived, pid 7"}};
  EXPECT_EQ(KindOf(intent).version, kIntentFile.version);
  const Result<StoredIntent> read = DecodeIntent(EncodeIntent(intent), kIntentFile.version);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->authors, intent.authors);
  EXPECT_FALSE(DecodeIntent(EncodeIntent(intent), 2));
}

// As long as the text of a check is what it was, the rest being what a start has.
constexpr size_t kLaterBytes = 1 + 1 + 8 + 4 + 8 + (1 + 4) + 1 + 1 + 4 + 13;

TEST_F(StoredFiles, HealthOfAnEarlierVersionIsRead) {
  const std::string now = EncodeHealth(SomeChecks());
  const auto read = DecodeHealth(std::string_view(now).substr(0, now.size() - kLaterBytes));
  ASSERT_TRUE(read);
  ASSERT_THAT(read->checks, SizeIs(1));
  EXPECT_TRUE(read->checks[0].is_down);
  EXPECT_EQ(read->checks[0].detail, "refused");
  EXPECT_TRUE(read->checks[0].is_proven);
  EXPECT_THAT(read->lost_quorums, SizeIs(0));
}

// A file of version 1 as it was written: a change of the policy, one last weight, one drain.
std::string IntentOfVersion1() {
  ByteWriter out;
  out.Text("boot");
  out.Text("/etc/a.yaml");
  out.Text("/etc/b.yaml");
  out.U64(7);  // the file's mark
  out.U32(9);
  out.U32(3);                                                        // services of the file
  out.U32(0);                                                        // changed services
  for (const char* text : {"", "", "a: 1", "a: 2"}) out.Text(text);  // timeouts, policy
  out.U32(1);
  Put(kWeb, &out);
  Put(RealIdentity{Ip("10.0.0.11"), 80}, &out);
  out.U32(5);
  out.U32(1);
  Put(kWeb, &out);
  Put(RealIdentity{Ip("10.0.0.12"), 80}, &out);
  out.Flag(false);
  for (const bool flag : {true, false, false}) out.Flag(flag);  // then_remove, for all, over
  return out.Take();
}

TEST_F(StoredFiles, IntentOfTheVersionBeforeIsRead) {
  StoredKind before = kIntentFile;
  before.version = 1;
  Overwrite(kIntentFile, SealStored(before, IntentOfVersion1()));
  const KeptState state = ReadState(directory_, 64);
  EXPECT_THAT(state.problems, IsEmpty());
  EXPECT_FALSE(state.is_intent_refused);
  ASSERT_TRUE(state.intent);
  EXPECT_EQ(state.intent->path, "/etc/b.yaml");
  EXPECT_EQ(state.intent->policy, (StoredIntent::Pair{"a: 1", "a: 2"}));
  EXPECT_EQ(state.intent->ipvs_sync, StoredIntent::Pair{});
  ASSERT_THAT(state.intent->last_weights, SizeIs(1));
  EXPECT_EQ(state.intent->last_weights[0].second, 5);
  ASSERT_THAT(state.intent->drains, SizeIs(1));
  EXPECT_TRUE(state.intent->drains[0].second.then_remove);
}

TEST_F(StoredFiles, IntentOfALaterVersionIsSetAside) {
  StoredKind later = kIntentFile;
  ++later.version;
  const std::string bytes = SealStored(later, "what nobody here can read");
  Overwrite(kIntentFile, bytes);
  const KeptState state = ReadState(directory_, 64);
  EXPECT_FALSE(state.intent);
  ASSERT_THAT(state.problems, SizeIs(1));
  EXPECT_THAT(state.problems[0], HasSubstr("has version 4, and this program reads 1 to 3"));
  EXPECT_THAT(state.problems[0], HasSubstr("rename that to intent"));
  EXPECT_TRUE(std::filesystem::exists(PathOf(kIntentFile))) << "who only looks leaves it";
  SetAsideRefused(directory_, state);
  EXPECT_FALSE(std::filesystem::exists(PathOf(kIntentFile)));
  std::ifstream kept(PathOf(kIntentFile) + ".refused", std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(kept), {}), bytes);
  EXPECT_THAT(ReadState(directory_, 64).problems, IsEmpty());
}

TEST_F(StoredFiles, IntentThatCanBeReadStays) {
  ASSERT_TRUE(WriteStored(directory_, kIntentFile, EncodeIntent(SomeIntent())));
  SetAsideRefused(directory_, ReadState(directory_, 64));
  EXPECT_TRUE(std::filesystem::exists(PathOf(kIntentFile)));
}

struct Wrong {
  const char* what;
  void (*make)(StoredNames* names);
  const char* sentence;
};

TEST_F(StoredFiles, NamesThatCannotBeAreRefused) {
  const Wrong kWrong[] = {
      {"a gap", [](StoredNames* n) { n->free_reals.pop_back(); }, "the ids of reals have gaps"},
      {"an id twice", [](StoredNames* n) { n->free_reals.push_back(RealId{2}); },
       "the ids of reals have gaps"},
      {"a service twice", [](StoredNames* n) { n->services[0].id = ServiceId{0}; },
       "the ids of services have gaps"},
      {"no service", [](StoredNames* n) { n->reals[0].service = ServiceId{2}; },
       "a real belongs to no service"},
      {"none", [](StoredNames* n) { n->reals[0].service = ServiceId{}; },
       "a real belongs to no service"},
      {"one key", [](StoredNames* n) { n->services[0].key = n->services[1].key; },
       "two services have one key"},
      {"one real",
       [](StoredNames* n) {
         n->reals[0].key = n->reals[1].key;
         n->reals[0].service = n->reals[1].service;
       },
       "two reals of a service have one key"},
  };
  for (const Wrong& wrong : kWrong) {
    StoredNames names = SomeNames();
    wrong.make(&names);
    const Result<StoredNames> read = DecodeNames(EncodeNames(names), 64);
    ASSERT_FALSE(read) << wrong.what;
    EXPECT_THAT(read.error().message, HasSubstr(wrong.sentence)) << wrong.what;
  }
  const Result<StoredNames> read = DecodeNames(EncodeNames(SomeNames()), 3);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("ids for 5 reals and room for 3"));
}

TEST_F(StoredFiles, EveryBitCounts) {
  const std::string good = SealStored(kNamesFile, EncodeNames(SomeNames()));
  ASSERT_TRUE(OpenStored(kNamesFile, good, "names"));
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(OpenStored(kNamesFile, bytes, "names")) << "bit " << bit;
  }
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(OpenStored(kNamesFile, good.substr(0, size), "names")) << size << " bytes";
  }
  EXPECT_FALSE(OpenStored(kNamesFile, good + "x", "names"));
}

// Should the checksum be right: cut anywhere, or any bit turned, a reader says no or gives what
// another encoding gives; under a sanitizer it reads nothing else.
TEST_F(StoredFiles, ContentsOfAnyBytesAreTaken) {
  const std::string all[] = {EncodeNames(SomeNames()), EncodeIntent(SomeIntent()),
                             EncodeHealth(SomeChecks())};
  const auto read = [](const std::string& bytes) {
    return (DecodeNames(bytes, 64) ? 1 : 0) + (DecodeIntent(bytes, kIntentFile.version) ? 1 : 0) +
           (DecodeHealth(bytes) ? 1 : 0);
  };
  for (const std::string& good : all) {
    EXPECT_EQ(read(good), 1);
    for (size_t size = 0; size < good.size(); ++size) {
      // Where an earlier version's file ends is an end.
      const bool is_earlier = &good == &all[2] && size == good.size() - kLaterBytes;
      EXPECT_EQ(read(good.substr(0, size)), is_earlier ? 1 : 0);
    }
    EXPECT_EQ(read(good + '\0'), 0);
    for (size_t bit = 0; bit < good.size() * 8; ++bit) {
      std::string bytes = good;
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
      read(bytes);
    }
  }
  std::mt19937 random(1);
  for (int i = 0; i < 10'000; ++i) {
    std::string bytes(random() % 200, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() % 4 == 0 ? random() : 0);
    read(bytes);
  }
}

TEST_F(StoredFiles, AFileSaysWhatIsWrongWithIt) {
  const std::string contents = EncodeNames(SomeNames());
  ASSERT_TRUE(WriteStored(directory_, kNamesFile, contents));
  const std::string good = SealStored(kNamesFile, contents);
  const auto said = [&](const std::string& bytes) {
    Overwrite(kNamesFile, bytes);
    const auto read = ReadStored(directory_, kNamesFile);
    return read ? "" : read.error().ToString();
  };
  EXPECT_EQ(said(good), "");
  EXPECT_EQ(said("hello"), PathOf(kNamesFile) + ": is not a file of Fairlead's state");
  EXPECT_THAT(said(good.substr(0, 12)), HasSubstr("ends within its head"));
  EXPECT_THAT(said(good.substr(0, 60)), HasSubstr("bytes of contents and has 32"));
  std::string flipped = good;
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  EXPECT_THAT(said(flipped), HasSubstr("its checksum is wrong"));
  EXPECT_THAT(said(SealStored(kHealthFile, contents)), HasSubstr("another kind of state"));
  StoredKind next = kNamesFile;
  ++next.version;
  EXPECT_THAT(said(SealStored(next, contents)),
              HasSubstr("has version 3, and this program reads 1 to 2"));
}

TEST_F(StoredFiles, AFileIsPrivateWholeAndNoLink) {
  ASSERT_TRUE(WriteStored(directory_, kHealthFile, "first"));
  ASSERT_TRUE(WriteStored(directory_, kHealthFile, "second"));
  struct stat about {};
  ASSERT_EQ(stat(PathOf(kHealthFile).c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777u, 0600u);
  EXPECT_EQ((*ReadStored(directory_, kHealthFile))->bytes, "second");
  EXPECT_FALSE(std::filesystem::exists(PathOf(kHealthFile) + ".new"));

  std::filesystem::rename(PathOf(kHealthFile), directory_ + "/elsewhere");
  std::filesystem::create_symlink("elsewhere", PathOf(kHealthFile));
  EXPECT_FALSE(ReadStored(directory_, kHealthFile));
  std::filesystem::remove(PathOf(kHealthFile));
  std::filesystem::create_directory(PathOf(kHealthFile));
  const auto read = ReadStored(directory_, kHealthFile);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("not a regular file"));
}

TEST_F(StoredFiles, AWriteThatFailsLeavesTheFileBefore) {
  ASSERT_TRUE(WriteStored(directory_, kIntentFile, "before"));
  std::filesystem::create_directory(PathOf(kIntentFile) + ".new");  // in the way of the next
  const Status written = WriteStored(directory_, kIntentFile, "after");
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().ToString(), HasSubstr("intent.new: cannot remove"));
  EXPECT_EQ((*ReadStored(directory_, kIntentFile))->bytes, "before");
}

TEST_F(StoredFiles, OneDamagedFileLeavesTheOthersGood) {
  KeptState state = ReadState(directory_, 64);
  EXPECT_FALSE(state.names);
  EXPECT_THAT(state.problems, IsEmpty()) << "nothing there is no problem";
  ASSERT_TRUE(WriteStored(directory_, kNamesFile, EncodeNames(SomeNames())));
  ASSERT_TRUE(WriteStored(directory_, kIntentFile, EncodeIntent(SomeIntent())));
  ASSERT_TRUE(WriteStored(directory_, kHealthFile, EncodeHealth(SomeChecks())));
  Overwrite(kIntentFile, "?");
  state = ReadState(directory_, 64);
  EXPECT_TRUE(state.names);
  EXPECT_FALSE(state.intent);
  EXPECT_THAT(state.health.checks, SizeIs(1));
  ASSERT_THAT(state.problems, SizeIs(1));
  EXPECT_THAT(state.problems[0],
              HasSubstr(PathOf(kIntentFile) + ": is not a file of Fairlead's state; a start takes "
                                              "the configuration file alone"));
  state = ReadState(directory_, 3);
  EXPECT_FALSE(state.names);
  ASSERT_THAT(state.problems, SizeIs(2));
  EXPECT_THAT(state.problems[0], HasSubstr("room for 3; the tables start empty"));
}

}  // namespace
}  // namespace fairlead::control::stored_files_test
