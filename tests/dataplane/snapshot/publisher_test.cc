// The grace period with real threads; meant for ThreadSanitizer, true without it too.
#include "dataplane/snapshot/publisher.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace fairlead::dataplane::publisher_test {
namespace {

std::atomic<int> g_alive{0};

// Counts its instances and wipes itself, so that a use after its time is seen.
struct Value {
  explicit Value(uint64_t g) : generation(g), copies(16, g) { ++g_alive; }
  ~Value() {
    for (uint64_t& copy : copies) copy = 0;
    --g_alive;
  }
  uint64_t generation;
  std::vector<uint64_t> copies;
};

struct Reader {
  uint64_t adopted = 0;  // how many changes
  uint64_t last = 0;
  bool is_torn = false;
  bool is_out_of_order = false;
};

void ReadUntil(Publisher<Value>& publisher, WorkerId me, uint64_t last, Reader* seen) {
  while (seen->last < last) {
    const Value* value = publisher.Enter(me, [seen](const Value* before, const Value* now) {
      ++seen->adopted;
      // The one before may still be read here.
      if (before != nullptr && before->copies.front() != before->generation) seen->is_torn = true;
      if (now->generation <= seen->last) seen->is_out_of_order = true;
    });
    if (value == nullptr) continue;
    for (const uint64_t copy : value->copies) seen->is_torn |= copy != value->generation;
    seen->last = value->generation;
    std::this_thread::yield();
  }
}

void PublishAndRead(size_t workers, uint64_t generations, bool waits,
                    std::vector<Reader>* readers) {
  Publisher<Value> publisher(workers);
  readers->assign(workers, {});
  std::vector<std::thread> threads;
  for (size_t w = 0; w < workers; ++w) {
    threads.emplace_back(ReadUntil, std::ref(publisher), WorkerId{static_cast<uint8_t>(w)},
                         generations, &(*readers)[w]);
  }
  for (uint64_t g = 1; g <= generations; ++g) {
    publisher.Publish(std::make_unique<const Value>(g));
    while (waits && !publisher.is_settled()) std::this_thread::yield();
    publisher.RetireUnused();
    EXPECT_TRUE(!waits || publisher.retired_count() == 0);
  }
  for (std::thread& thread : threads) thread.join();
  publisher.RetireUnused();
  EXPECT_TRUE(publisher.is_settled());
  EXPECT_EQ(publisher.retired_count(), 0u);
  EXPECT_EQ(g_alive, 1);  // the newest
}

TEST(Publisher, WaitingForSettlementShowsEveryGenerationToEveryWorker) {
  std::vector<Reader> readers;
  PublishAndRead(3, 2000, true, &readers);
  for (const Reader& reader : readers) {
    EXPECT_EQ(reader.adopted, 2000u);
    EXPECT_FALSE(reader.is_torn);
    EXPECT_FALSE(reader.is_out_of_order);
  }
  EXPECT_EQ(g_alive, 0);
}

TEST(Publisher, NothingIsFreedTooEarlyWhenNobodyWaits) {
  std::vector<Reader> readers;
  PublishAndRead(3, 2000, false, &readers);
  for (const Reader& reader : readers) {
    EXPECT_EQ(reader.last, 2000u);
    EXPECT_FALSE(reader.is_torn);
    EXPECT_FALSE(reader.is_out_of_order);
  }
  EXPECT_EQ(g_alive, 0);
}

TEST(Publisher, ASleepingWorkerHoldsBackRetirement) {
  Publisher<Value> publisher(2);
  const auto adopt = [](const Value*, const Value*) {};
  publisher.Publish(std::make_unique<const Value>(1));
  publisher.Enter(WorkerId{0}, adopt);
  publisher.Enter(WorkerId{1}, adopt);
  publisher.Publish(std::make_unique<const Value>(2));
  publisher.Enter(WorkerId{0}, adopt);
  publisher.RetireUnused();
  EXPECT_FALSE(publisher.is_settled());
  EXPECT_EQ(publisher.retired_count(), 1u);
  publisher.Enter(WorkerId{1}, adopt);
  publisher.RetireUnused();
  EXPECT_EQ(publisher.retired_count(), 0u);
}

}  // namespace
}  // namespace fairlead::dataplane::publisher_test
