#include "preload/dumps.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <atomic>

#include "preload/next.h"
#include "preload/wire.h"

namespace fairlead::preload {
namespace {

struct Dump {
  ino_t socket = 0;  // 0: free
  uint32_t sequence = 0;
  bool is_busy = false;    // a thread works for it
  bool is_wanted = false;  // more was read meanwhile
  bool is_over = false;    // the socket was closed meanwhile
  size_t room = kFirstRoom;
  Link link;
  Record record;
};

constexpr size_t kDumps = 32;

pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
Dump g_dumps[kDumps];
std::atomic<size_t> g_count{0};

Dump* FindLocked(ino_t socket) {
  for (Dump& dump : g_dumps) {
    if (dump.socket == socket) return &dump;
  }
  return nullptr;
}

void FreeLocked(Dump* dump) {
  free(dump->record.bytes);
  *dump = Dump();
  g_count.fetch_sub(1);
}

// Reads the next record when this one is delivered; false with an errno when there is none.
bool Refill(Dump* dump) {
  Record& record = dump->record;
  if (record.at < record.end) return true;
  const ssize_t got =
      dump->link.Receive(record.bytes, kRecordBytes, DeadlineAfter(kAnswerMilliseconds));
  if (got <= 0) {
    errno = got == 0 ? ECONNRESET : ETIMEDOUT;
    return false;
  }
  record.at = 0;
  record.end = static_cast<size_t>(got);
  record.is_last = EndsDump(record);
  return true;
}

enum class Step { kGoesOn, kOver, kFailed };

// Delivers a datagram.
Step TakeStep(Dump* dump, const Delivery& delivery) {
  if (!Refill(dump)) {
    (void)delivery.PutError(dump->sequence, errno);
    return Step::kOver;
  }
  Record& record = dump->record;
  size_t taken = 0;
  const Put put =
      delivery.PutSome(record.bytes + record.at, record.end - record.at, dump->room, &taken);
  if (put == Put::kFull) return Step::kGoesOn;  // the program has more to read first
  if (put == Put::kFailed || taken == 0) return Step::kFailed;
  record.at += taken;
  if (record.at < record.end || !record.is_last) return Step::kGoesOn;
  GiveBack(&dump->link);
  return Step::kOver;
}

// Takes steps for a dump that is busy with this thread until nobody wants more. How the first went;
// errno is its.
Step Work(Dump* dump, const Delivery& delivery) {
  const Step first = TakeStep(dump, delivery);
  const ErrnoKeeper keep;
  for (Step step = first;; step = TakeStep(dump, delivery)) {
    pthread_mutex_lock(&g_mutex);
    if (step != Step::kGoesOn || dump->is_over) {
      dump->link.Close();
      FreeLocked(dump);
    } else if (dump->is_wanted) {
      dump->is_wanted = false;
      pthread_mutex_unlock(&g_mutex);
      continue;
    } else {
      dump->is_busy = false;
    }
    pthread_mutex_unlock(&g_mutex);
    return first;
  }
}

}  // namespace

bool EndsDump(const Record& record) {
  for (MessageWalk walk(record.bytes + record.at, record.end - record.at); walk.is_valid();
       walk.Next()) {
    const uint16_t type = walk.header().nlmsg_type;
    if (type == NLMSG_DONE || type == NLMSG_ERROR) return true;
  }
  return false;
}

Put StartDump(const Delivery& delivery, uint32_t sequence, Link* link, Record* record) {
  pthread_mutex_lock(&g_mutex);
  Dump* dump = FindLocked(0);
  if (dump != nullptr) {
    dump->socket = delivery.inode();
    dump->sequence = sequence;
    dump->link = *link;
    dump->record = *record;
    dump->is_busy = true;  // before there is anything to read: another thread may wait for it
    *link = Link();
    *record = Record();
    g_count.fetch_add(1);
  }
  pthread_mutex_unlock(&g_mutex);
  if (dump == nullptr) return delivery.PutError(sequence, ENOBUFS);
  return Work(dump, delivery) == Step::kFailed ? Put::kFailed : Put::kYes;
}

bool AnyDump() { return g_count.load(std::memory_order_relaxed) != 0; }

bool IsDumping(ino_t socket) {
  if (!AnyDump()) return false;
  pthread_mutex_lock(&g_mutex);
  const bool found = FindLocked(socket) != nullptr;
  pthread_mutex_unlock(&g_mutex);
  return found;
}

void AfterReceive(int fd, size_t room) {
  const ErrnoKeeper keep;
  const ino_t inode = GenericNetlinkInode(fd);
  if (inode == 0) return;
  pthread_mutex_lock(&g_mutex);
  Dump* dump = FindLocked(inode);
  const bool is_ours = dump != nullptr && !dump->is_busy;
  if (is_ours) {
    dump->is_busy = true;
    const size_t usable = room < kRecordBytes ? room : kRecordBytes;
    if (usable > dump->room) dump->room = usable;
  } else if (dump != nullptr) {
    dump->is_wanted = true;
  }
  pthread_mutex_unlock(&g_mutex);
  if (is_ours) Work(dump, Delivery(fd));
}

void EndDumps(ino_t socket) {
  pthread_mutex_lock(&g_mutex);
  Dump* dump = FindLocked(socket);
  if (dump != nullptr && dump->is_busy) {
    dump->is_over = true;
  } else if (dump != nullptr) {
    dump->link.Close();
    FreeLocked(dump);
  }
  pthread_mutex_unlock(&g_mutex);
}

void ForgetDumps() {
  pthread_mutex_init(&g_mutex, nullptr);
  for (Dump& dump : g_dumps) {
    if (dump.socket == 0) continue;
    dump.link.Close();
    FreeLocked(&dump);
  }
}

}  // namespace fairlead::preload
