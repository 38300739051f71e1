// What Node does not offer and the shared table needs: a SharedArrayBuffer over a mapped file, the kernel's futex on its
// words, file locks, memfds, descriptors over sockets, queued signals, an alarm that rings a futex.
//
// Theory of operation. The addon is loaded once per environment, in the main thread and in every worker thread, and keeps
// no state of its own: all state is in the mapped files, or in the kernel. The one exception is the bell of SIGALRM: a
// signal handler belongs to the process, and it can reach nothing but a static.
//
// V8's own interface is used, not Node-API: only V8 can make a SharedArrayBuffer over memory it did not allocate. So the
// binary belongs to one Node ABI; it says which (`abi`), and src/shm/native.ts compares before it calls anything.
//
// Errors are thrown as Error with `code` (EPERM ...), `errno` (positive) and `syscall`. Calls that can block say so below;
// all others return at once. EINTR is handled here, never by the caller.

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/openat2.h>
#include <node.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "arguments.h"
#include "doorbell.h"
#include "records.h"

namespace {

using v8::Array;
using v8::ArrayBufferView;
using v8::BackingStore;
using v8::Context;
using v8::Exception;
using v8::Integer;
using v8::Isolate;
using v8::Local;
using v8::SharedArrayBuffer;
using v8::Value;

using turno::Arguments;
using turno::Bytes;
using turno::BytesAt;
using turno::IntAt;
using turno::NumberAt;
using turno::RetryInterrupted;
using turno::Text;
using turno::TextAt;
using turno::ThrowErrno;

constexpr size_t kMaxDescriptors = 250;  // the kernel's SCM_MAX_FD is 253

// The word `words[index]`, or nullptr (and a RangeError is pending) when it is outside: a stray store would hit the table.
int32_t *WordAt(Arguments args) {
  const Bytes bytes = BytesAt(args, 0);
  const double index = NumberAt(args, 1);
  if (index >= 0 && (index + 1) * sizeof(int32_t) <= static_cast<double>(bytes.length)) {
    return reinterpret_cast<int32_t *>(bytes.data) + static_cast<size_t>(index);
  }
  args.GetIsolate()->ThrowException(Exception::RangeError(Text(args.GetIsolate(), "futex word outside the view")));
  return nullptr;
}

long Futex(int32_t *word, int operation, int32_t value, const timespec *timeout, uint32_t bits) {
  // Not FUTEX_PRIVATE: other processes wait on the same page of the same file.
  return syscall(SYS_futex, word, operation, value, timeout, nullptr, bits);
}

// Who waits with which bits, and who of them is meant by a wake; everybody unless told.
uint32_t BitsAt(Arguments args, int index) {
  const uint32_t bits = static_cast<uint32_t>(static_cast<int64_t>(NumberAt(args, index)));
  return bits == 0 ? FUTEX_BITSET_MATCH_ANY : bits;
}

timespec AfterMs(double ms) {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  const int64_t total = now.tv_sec * INT64_C(1000000000) + now.tv_nsec + static_cast<int64_t>(ms * 1e6);
  return {static_cast<time_t>(total / 1000000000), static_cast<long>(total % 1000000000)};
}

// ---- memory ----------------------------------------------------------------------------------------------------------

// map(fd, length): SharedArrayBuffer. Unmapped when its last owner, in whatever thread, is gone.
void Map(Arguments args) {
  const size_t length = static_cast<size_t>(NumberAt(args, 1));
  void *start = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, IntAt(args, 0), 0);
  if (start == MAP_FAILED) return ThrowErrno(args, "mmap", errno);
  // A fork (posix_spawn, a cell) must not copy page tables of a region of gigabytes.
  madvise(start, length, MADV_DONTFORK);
  std::unique_ptr<BackingStore> store = SharedArrayBuffer::NewBackingStore(
      start, length, [](void *data, size_t size, void *) { munmap(data, size); }, nullptr);
  args.GetReturnValue().Set(SharedArrayBuffer::New(args.GetIsolate(), std::move(store)));
}

// allocate(fd, offset, length): blocks of the file, zeroed; a store to them can no longer fail for want of space.
void Allocate(Arguments args) {
  const off_t offset = static_cast<off_t>(NumberAt(args, 1));
  const off_t length = static_cast<off_t>(NumberAt(args, 2));
  const int fd = IntAt(args, 0);
  if (RetryInterrupted([&] { return fallocate(fd, 0, offset, length); }) != 0) ThrowErrno(args, "fallocate", errno);
}

// release(fd, offset, length): the blocks go back to the file system, the bytes read as zeros.
void Release(Arguments args) {
  const off_t offset = static_cast<off_t>(NumberAt(args, 1));
  const off_t length = static_cast<off_t>(NumberAt(args, 2));
  const int fd = IntAt(args, 0);
  const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  if (RetryInterrupted([&] { return fallocate(fd, mode, offset, length); }) != 0) ThrowErrno(args, "fallocate", errno);
}

// ---- waiting ---------------------------------------------------------------------------------------------------------

// futexWait(words, index, expected, timeoutMs, bits?): 'woken' | 'changed' | 'timed-out'. Blocks.
void FutexWait(Arguments args) {
  int32_t *word = WordAt(args);
  if (!word) return;
  const int32_t expected = IntAt(args, 2);
  // An absolute end (FUTEX_WAIT_BITSET): signals that interrupt the wait cannot make it longer.
  const timespec end = AfterMs(NumberAt(args, 3));
  const char *result = "woken";
  const uint32_t bits = BitsAt(args, 4);
  while (Futex(word, FUTEX_WAIT_BITSET, expected, &end, bits) == -1) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN) {
      result = "changed";
    } else if (errno == ETIMEDOUT) {
      result = "timed-out";
    } else {
      return ThrowErrno(args, "futex", errno);
    }
    break;
  }
  args.GetReturnValue().Set(Text(args.GetIsolate(), result));
}

// futexWake(words, index, count, bits?): how many were woken.
void FutexWake(Arguments args) {
  int32_t *word = WordAt(args);
  if (!word) return;
  const double count = NumberAt(args, 2);
  const int32_t most = count > INT_MAX ? INT_MAX : static_cast<int32_t>(count);
  const long woken = Futex(word, FUTEX_WAKE_BITSET, most, nullptr, BitsAt(args, 3));
  if (woken == -1) return ThrowErrno(args, "futex", errno);
  args.GetReturnValue().Set(static_cast<double>(woken));
}

// The word SIGALRM rings. Static because a signal handler can reach nothing else; `alarm_store` keeps it mapped.
std::atomic<int32_t *> alarm_bell{nullptr};
std::shared_ptr<BackingStore> alarm_store;

void RingBell(int) {
  const int saved = errno;
  int32_t *word = alarm_bell.load(std::memory_order_relaxed);
  if (word) {
    __atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST);
    Futex(word, FUTEX_WAKE_BITSET, INT_MAX, nullptr, FUTEX_BITSET_MATCH_ANY);
  }
  errno = saved;
}

// bellOnAlarm(words, index): from now on SIGALRM adds 1 to that word and wakes whoever waits on it, for this process.
void BellOnAlarm(Arguments args) {
  int32_t *word = WordAt(args);
  if (!word) return;
  alarm_store = args[0].As<ArrayBufferView>()->Buffer()->GetBackingStore();
  alarm_bell.store(word, std::memory_order_relaxed);
  struct sigaction action = {};
  action.sa_handler = RingBell;
  action.sa_flags = SA_RESTART;
  if (sigaction(SIGALRM, &action, nullptr) != 0) ThrowErrno(args, "sigaction", errno);
}

// setAlarm(us): SIGALRM once, after so many microseconds; 0 disarms.
void SetAlarm(Arguments args) {
  const int64_t us = static_cast<int64_t>(NumberAt(args, 0));
  const itimerval timer = {{0, 0}, {static_cast<time_t>(us / 1000000), static_cast<suseconds_t>(us % 1000000)}};
  if (setitimer(ITIMER_REAL, &timer, nullptr) != 0) ThrowErrno(args, "setitimer", errno);
}

// ---- processes -------------------------------------------------------------------------------------------------------

// threadId(): the kernel's number of the calling thread.
void ThreadId(Arguments args) { args.GetReturnValue().Set(static_cast<int32_t>(syscall(SYS_gettid))); }

// queueSignal(pid, signal, value): false when there is no such process. EAGAIN when the queue of its user is full.
void QueueSignal(Arguments args) {
  sigval value = {};
  value.sival_int = IntAt(args, 2);
  if (sigqueue(IntAt(args, 0), IntAt(args, 1), value) == 0) return args.GetReturnValue().Set(true);
  if (errno != ESRCH) return ThrowErrno(args, "sigqueue", errno);
  args.GetReturnValue().Set(false);
}

// sendSignal(pid, signal): false when there is no such process. A full queue loses what came with the signal, never the signal.
void SendSignal(Arguments args) {
  const int pid = IntAt(args, 0);
  if (pid <= 0) return args.GetReturnValue().Set(false); // to kill() that is a group, or everybody
  if (kill(pid, IntAt(args, 1)) == 0) return args.GetReturnValue().Set(true);
  if (errno != ESRCH) return ThrowErrno(args, "kill", errno);
  args.GetReturnValue().Set(false);
}

// setDeathSignal(signal): sent to this process when the thread that made it dies.
void SetDeathSignal(Arguments args) {
  if (prctl(PR_SET_PDEATHSIG, IntAt(args, 0)) != 0) ThrowErrno(args, "prctl", errno);
}

// setRealtime(): the calling thread goes before all that is not real-time; processes and threads it makes do not.
void SetRealtime(Arguments args) {
  const sched_param lowest = {sched_get_priority_min(SCHED_RR)};
  if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest) != 0) ThrowErrno(args, "sched_setscheduler", errno);
}

// ---- files and sockets -----------------------------------------------------------------------------------------------

// lockFile(fd, 'shared' | 'exclusive' | 'none'): false when another holds it. Never waits.
void LockFile(Arguments args) {
  const std::string kind = TextAt(args, 1);
  const int fd = IntAt(args, 0);
  const int operation = kind == "shared" ? LOCK_SH : kind == "exclusive" ? LOCK_EX : LOCK_UN;
  if (RetryInterrupted([&] { return flock(fd, operation | LOCK_NB); }) == 0) return args.GetReturnValue().Set(true);
  if (errno != EWOULDBLOCK) return ThrowErrno(args, "flock", errno);
  args.GetReturnValue().Set(false);
}

// memfd(name, content?): fd. The file offset stays 0.
void MemoryFile(Arguments args) {
  const Bytes content = BytesAt(args, 1);
  const int fd = memfd_create(TextAt(args, 0).c_str(), MFD_CLOEXEC);
  if (fd == -1) return ThrowErrno(args, "memfd_create", errno);
  for (size_t done = 0; done < content.length;) {
    const ssize_t written = RetryInterrupted(
        [&] { return pwrite(fd, content.data + done, content.length - done, static_cast<off_t>(done)); });
    if (written == -1) {
      const int number = errno;
      close(fd);
      return ThrowErrno(args, "pwrite", number);
    }
    done += static_cast<size_t>(written);
  }
  args.GetReturnValue().Set(fd);
}

// socketPair(): [ours, theirs]. Ours does not block (net.Socket wants it so), theirs does (a C program inherits it).
void SocketPair(Arguments args) {
  Isolate *isolate = args.GetIsolate();
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) return ThrowErrno(args, "socketpair", errno);
  if (fcntl(fds[0], F_SETFL, O_RDWR | O_NONBLOCK) != 0) {
    const int number = errno;
    close(fds[0]);
    close(fds[1]);
    return ThrowErrno(args, "fcntl", number);
  }
  Local<Value> pair[] = {Integer::New(isolate, fds[0]), Integer::New(isolate, fds[1])};
  args.GetReturnValue().Set(Array::New(isolate, pair, 2));
}

// pipe(weRead): [ours, theirs]. Ours does not block, theirs does. Its mode lets a program of any uid open it anew, as
// /dev/stdout: who has the descriptor has the right already.
void Pipe(Arguments args) {
  Isolate *isolate = args.GetIsolate();
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return ThrowErrno(args, "pipe2", errno);
  const bool we_read = args[0]->BooleanValue(isolate);
  const int ours = we_read ? fds[0] : fds[1];
  const int theirs = we_read ? fds[1] : fds[0];
  if (fcntl(ours, F_SETFL, O_NONBLOCK) != 0 || fchmod(theirs, 0666) != 0) {
    const int number = errno;
    close(ours);
    close(theirs);
    return ThrowErrno(args, "pipe", number);
  }
  Local<Value> pair[] = {Integer::New(isolate, ours), Integer::New(isolate, theirs)};
  args.GetReturnValue().Set(Array::New(isolate, pair, 2));
}

// sendWithFds(fd, bytes, fds): all bytes; the descriptors travel with the first. Blocks (poll) when the socket is full.
void SendWithFds(Arguments args) {
  Local<Context> context = args.GetIsolate()->GetCurrentContext();
  const int fd = IntAt(args, 0);
  const Bytes bytes = BytesAt(args, 1);
  std::vector<int> fds;
  if (args[2]->IsArray()) {
    Local<Array> list = args[2].As<Array>();
    for (uint32_t i = 0; i < list->Length(); i++) {
      Local<Value> value;
      if (!list->Get(context, i).ToLocal(&value)) return;
      fds.push_back(value->Int32Value(context).FromMaybe(-1));
    }
  }
  if (fds.size() > kMaxDescriptors) return ThrowErrno(args, "sendmsg", E2BIG);
  std::vector<uint8_t> control(fds.empty() ? 0 : CMSG_SPACE(fds.size() * sizeof(int)));
  for (size_t done = 0; done < bytes.length;) {
    iovec part = {bytes.data + done, bytes.length - done};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (done == 0 && !fds.empty()) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      cmsghdr *header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
      memcpy(CMSG_DATA(header), fds.data(), fds.size() * sizeof(int));
    }
    const ssize_t sent = RetryInterrupted([&] { return sendmsg(fd, &message, MSG_NOSIGNAL); });
    if (sent >= 0) {
      done += static_cast<size_t>(sent);
    } else if (errno == EAGAIN) {
      pollfd ready = {fd, POLLOUT, 0};
      if (RetryInterrupted([&] { return poll(&ready, 1, -1); }) == -1) return ThrowErrno(args, "poll", errno);
    } else {
      return ThrowErrno(args, "sendmsg", errno);
    }
  }
}

// makeFifo(path, mode): a FIFO with exactly this mode, whatever the mask.
void MakeFifo(Arguments args) {
  const std::string path = TextAt(args, 0);
  const mode_t mode = static_cast<mode_t>(IntAt(args, 1));
  if (mkfifo(path.c_str(), mode & 0700) != 0) return ThrowErrno(args, "mkfifo", errno);
  if (chmod(path.c_str(), mode) != 0) ThrowErrno(args, "chmod", errno);
}

// peerUid(fd): the uid of whoever connected to a Unix socket (SO_PEERCRED); it is that of the moment of the connect.
void PeerUid(Arguments args) {
  ucred peer = {};
  socklen_t length = sizeof peer;
  if (getsockopt(IntAt(args, 0), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
    return ThrowErrno(args, "getsockopt", errno);
  }
  args.GetReturnValue().Set(static_cast<uint32_t>(peer.uid));
}

// openBeneath(dirFd, path, flags, mode): fd. No symbolic link is followed and nothing outside the directory is reached.
void OpenBeneath(Arguments args) {
  const std::string path = TextAt(args, 1);
  const int dir = IntAt(args, 0);
  open_how how = {};
  how.flags = static_cast<uint64_t>(IntAt(args, 2)) | O_CLOEXEC;
  how.mode = static_cast<uint64_t>(IntAt(args, 3));
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long fd = RetryInterrupted([&] { return syscall(SYS_openat2, dir, path.c_str(), &how, sizeof how); });
  if (fd == -1) return ThrowErrno(args, "openat2", errno);
  args.GetReturnValue().Set(static_cast<int32_t>(fd));
}

// writeDurably(fd, first, second, offset, sync): both byte arrays one behind the other at `offset`, then fdatasync unless
// `sync` is false. Blocks for the disk: one call, because a hop to another thread costs more than the sync.
void WriteDurably(Arguments args) {
  const int fd = IntAt(args, 0);
  const Bytes first = BytesAt(args, 1);
  const Bytes second = BytesAt(args, 2);
  iovec parts[2] = {{first.data, first.length}, {second.data, second.length}};
  off_t offset = static_cast<off_t>(NumberAt(args, 3));
  for (size_t left = first.length + second.length; left > 0;) {
    const ssize_t written = RetryInterrupted([&] { return pwritev(fd, parts, 2, offset); });
    if (written == -1) return ThrowErrno(args, "pwritev", errno);
    offset += written;
    left -= static_cast<size_t>(written);
    size_t step = static_cast<size_t>(written);
    for (iovec &part : parts) {
      const size_t taken = step < part.iov_len ? step : part.iov_len;
      part.iov_base = static_cast<uint8_t *>(part.iov_base) + taken;
      part.iov_len -= taken;
      step -= taken;
    }
  }
  // No retry but for EINTR: after a failed fdatasync the kernel may have dropped the pages, and a second one would lie.
  if (args[4]->IsTrue() && RetryInterrupted([&] { return fdatasync(fd); }) != 0) ThrowErrno(args, "fdatasync", errno);
}

// syncFileSystem(fd): everything written to the file system of `fd`. Blocks for the disk.
void SyncFileSystem(Arguments args) {
  const int fd = IntAt(args, 0);
  if (RetryInterrupted([&] { return syncfs(fd); }) != 0) ThrowErrno(args, "syncfs", errno);
}

}  // namespace

NODE_MODULE_INIT(/* exports, module, context */) {
  NODE_SET_METHOD(exports, "map", Map);
  NODE_SET_METHOD(exports, "allocate", Allocate);
  NODE_SET_METHOD(exports, "release", Release);
  NODE_SET_METHOD(exports, "futexWait", FutexWait);
  NODE_SET_METHOD(exports, "futexWake", FutexWake);
  NODE_SET_METHOD(exports, "bellOnAlarm", BellOnAlarm);
  NODE_SET_METHOD(exports, "setAlarm", SetAlarm);
  NODE_SET_METHOD(exports, "threadId", ThreadId);
  NODE_SET_METHOD(exports, "queueSignal", QueueSignal);
  NODE_SET_METHOD(exports, "sendSignal", SendSignal);
  NODE_SET_METHOD(exports, "setDeathSignal", SetDeathSignal);
  NODE_SET_METHOD(exports, "setRealtime", SetRealtime);
  NODE_SET_METHOD(exports, "lockFile", LockFile);
  NODE_SET_METHOD(exports, "memfd", MemoryFile);
  NODE_SET_METHOD(exports, "socketPair", SocketPair);
  NODE_SET_METHOD(exports, "pipe", Pipe);
  NODE_SET_METHOD(exports, "makeFifo", MakeFifo);
  NODE_SET_METHOD(exports, "peerUid", PeerUid);
  NODE_SET_METHOD(exports, "sendWithFds", SendWithFds);
  NODE_SET_METHOD(exports, "openBeneath", OpenBeneath);
  NODE_SET_METHOD(exports, "writeDurably", WriteDurably);
  NODE_SET_METHOD(exports, "syncFileSystem", SyncFileSystem);
  turno::AddDoorbell(exports);
  turno::AddRecords(exports);
  Isolate *isolate = context->GetIsolate();
  exports->Set(context, Text(isolate, "abi"), Integer::New(isolate, NODE_MODULE_VERSION)).Check();
}
