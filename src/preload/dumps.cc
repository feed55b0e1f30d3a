#include "preload/dumps.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

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
  bool is_held = false;    // a descriptor of the socket was found
  size_t room = kFirstRoom;
  Link link;
  Record record;
};

constexpr size_t kDumps = 32;

pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
Dump g_dumps[kDumps];
std::atomic<size_t> g_count{0};
std::atomic<pid_t> g_owner{0};  // whose dumps they are: a child of vfork has this memory too

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

void EndLocked(Dump* dump) {
  if (dump->is_busy) {
    dump->is_over = true;
    return;
  }
  dump->link.Close();
  FreeLocked(dump);
}

// The inodes of the sockets that this process has open, as /proc tells. System calls alone: close
// may be called where nothing may be allocated.
class HeldSockets {
 public:
  HeldSockets()
      : folder_(FAIRLEAD_NEXT(open)("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}
  ~HeldSockets() {
    if (folder_ >= 0) FAIRLEAD_NEXT(close)(folder_);
  }
  HeldSockets(const HeldSockets&) = delete;
  HeldSockets& operator=(const HeldSockets&) = delete;

  // Whether /proc has told of all, once there are no more. Nothing is known to be closed otherwise.
  [[nodiscard]] bool is_complete() const { return !has_failed_; }

  // 0: there are no more.
  ino_t Next() {
    for (;;) {
      if (at_ >= end_ && !Refill()) return 0;
      const auto* entry = reinterpret_cast<const Entry*>(entries_ + at_);
      at_ += entry->length;
      if (const ino_t inode = InodeAt(entry->name)) return inode;
    }
  }

 private:
  struct Entry {  // linux_dirent64
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[1];
  };

  bool Refill() {
    const long got = folder_ < 0 ? -1 : syscall(SYS_getdents64, folder_, entries_, sizeof entries_);
    if (got < 0) has_failed_ = true;
    at_ = 0;
    end_ = got > 0 ? static_cast<size_t>(got) : 0;
    return end_ > 0;
  }

  // 0 for what is no socket.
  ino_t InodeAt(const char* name) const {
    constexpr char kBegin[] = "socket:[";
    constexpr size_t kLength = sizeof kBegin - 1;
    char target[64];
    const ssize_t size = readlinkat(folder_, name, target, sizeof target - 1);
    if (size <= static_cast<ssize_t>(kLength) || memcmp(target, kBegin, kLength) != 0) return 0;
    target[size] = '\0';
    return strtoul(target + kLength, nullptr, 10);
  }

  const int folder_;
  bool has_failed_ = false;
  size_t at_ = 0, end_ = 0;
  alignas(8) char entries_[2048];
};

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
  // A program may close in ways that are not seen here.
  if (g_count.load() == kDumps) EndDumpsNotHeld();
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
    g_owner.store(getpid());
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

void EndDumpUnlessHeld(ino_t socket) {
  if (getpid() != g_owner.load()) return;
  const ErrnoKeeper keep;
  HeldSockets held;
  while (const ino_t inode = held.Next()) {
    if (inode == socket) return;
  }
  if (!held.is_complete()) return;  // out of descriptors, or no /proc: the dump may be alive
  pthread_mutex_lock(&g_mutex);
  if (Dump* dump = FindLocked(socket)) EndLocked(dump);
  pthread_mutex_unlock(&g_mutex);
}

void EndDumpsNotHeld() {
  if (!AnyDump() || getpid() != g_owner.load()) return;
  const ErrnoKeeper keep;
  pthread_mutex_lock(&g_mutex);
  for (Dump& dump : g_dumps) dump.is_held = false;
  HeldSockets held;
  while (const ino_t inode = held.Next()) {
    if (Dump* dump = FindLocked(inode)) dump->is_held = true;
  }
  for (Dump& dump : g_dumps) {
    if (dump.socket != 0 && !dump.is_held && held.is_complete()) EndLocked(&dump);
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
