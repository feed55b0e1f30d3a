#include "tables/arena_rig.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>

namespace fairlead::dataplane {
namespace {

void WriteText(const char* path, const std::string& text) { std::ofstream(path) << text; }

std::vector<uint64_t> KeysIn(std::span<const MadeUpRecord> records) {
  std::vector<uint64_t> keys;
  for (const MadeUpRecord& record : records) {
    EXPECT_EQ(record.value, 7 * record.key) << "half a record";
    if (record.key != 0) keys.push_back(record.key);
  }
  return keys;
}

template <typename Record, typename Byte>
std::span<Record> RecordsIn(std::span<Byte> bytes) {
  return {reinterpret_cast<Record*>(bytes.data()), bytes.size() / sizeof(Record)};
}

std::vector<uint64_t> Sorted(std::vector<uint64_t> keys) {
  std::ranges::sort(keys);
  return keys;
}

}  // namespace

ArenaDirectory::ArenaDirectory() {
  std::string name = "/dev/shm/fairlead-test-XXXXXX";
  path_ = ::mkdtemp(name.data());
}

ArenaDirectory::~ArenaDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string ArenaDirectory::Names() const {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(arena(), none)) {
    names.push_back(entry.path().filename());
  }
  std::ranges::sort(names);
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

std::string ArenaDirectory::SectionsFile() const {
  std::string found;
  for (const auto& entry : std::filesystem::directory_iterator(arena())) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("sections-")) continue;
    EXPECT_EQ(found, "") << "two files of records";
    found = entry.path();
  }
  return found;
}

ArenaSpec MadeUpSpec(const std::string& directory) {
  ArenaSpec spec;
  spec.directory = directory;
  spec.director = "edge-1";
  spec.workers = 2;
  spec.pages = HugePages::kOff;
  spec.sections = {{"flows", sizeof(MadeUpRecord), 1000, kFlowsLayout},
                   {"notes", 8, 10, kNotesLayout}};
  return spec;
}

std::span<MadeUpRecord> Flows(const Arena& arena, uint32_t worker) {
  return RecordsIn<MadeUpRecord>(arena.section(worker, kFlows));
}

std::span<const MadeUpRecord> PreviousFlows(const Arena& arena, uint32_t worker) {
  return RecordsIn<const MadeUpRecord>(arena.previous()->section(worker, kFlows));
}

std::vector<uint64_t> Keys(const Arena& arena) {
  std::vector<uint64_t> keys;
  for (uint32_t worker = 0; worker < arena.workers(); ++worker) {
    const auto more = KeysIn(Flows(arena, worker));
    keys.insert(keys.end(), more.begin(), more.end());
  }
  return Sorted(std::move(keys));
}

std::vector<uint64_t> PreviousKeys(const Arena& arena) {
  std::vector<uint64_t> keys;
  for (uint32_t worker = 0; worker < arena.previous()->workers(); ++worker) {
    const auto more = KeysIn(PreviousFlows(arena, worker));
    keys.insert(keys.end(), more.begin(), more.end());
  }
  return Sorted(std::move(keys));
}

std::vector<uint64_t> OneTo(uint64_t count) {
  std::vector<uint64_t> keys(count);
  std::iota(keys.begin(), keys.end(), uint64_t{1});
  return keys;
}

void Fill(const Arena& arena, uint64_t count) {
  for (uint64_t key = 1; key <= count; ++key) {
    const auto owner = static_cast<uint32_t>(key % arena.workers());
    Flows(arena, owner)[key / arena.workers()] = {.key = key, .value = 7 * key};
  }
}

void Move(Arena& arena) {
  std::vector<size_t> next(arena.workers());
  for (uint32_t worker = 0; worker < arena.previous()->workers(); ++worker) {
    for (const MadeUpRecord& record : PreviousFlows(arena, worker)) {
      if (record.key == 0) continue;
      const auto owner = static_cast<uint32_t>(record.key % arena.workers());
      Flows(arena, owner)[next[owner]++] = record;
    }
  }
}

void LeaveArena(const ArenaSpec& spec, uint64_t count) {
  Arena arena = OpenArena(spec);
  Fill(arena, count);
  arena.MarkStopped();
}

Arena OpenArena(const ArenaSpec& spec) {
  auto arena = Arena::Open(spec);
  if (!arena) {
    ADD_FAILURE() << arena.error().message;
    std::abort();
  }
  return *std::move(arena);
}

std::string RefusalOf(const ArenaSpec& spec) {
  const auto arena = Arena::Open(spec);
  return arena ? "" : arena.error().message;
}

std::string InMountNamespace(const std::function<std::string()>& work) {
  std::array<int, 2> pipe{};
  EXPECT_EQ(::pipe(pipe.data()), 0);
  const uid_t uid = ::geteuid();
  const pid_t child = ::fork();
  if (child == 0) {
    std::string text;
    if (::unshare(CLONE_NEWNS | (uid == 0 ? 0 : CLONE_NEWUSER)) != 0) text = "no namespace: ";
    if (uid != 0) WriteText("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1");
    ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    text += work();
    const ssize_t written = ::write(pipe[1], text.data(), text.size());
    ::_exit(written < 0 ? 1 : 0);
  }
  ::close(pipe[1]);
  std::string text;
  std::array<char, 4096> bytes{};
  for (ssize_t got = 0; (got = ::read(pipe[0], bytes.data(), bytes.size())) > 0;) {
    text.append(bytes.data(), static_cast<size_t>(got));
  }
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  return text;
}

}  // namespace fairlead::dataplane
